/** The end of a migration: what is killed or fails at any place goes on with the next run. */
import assert from "node:assert/strict";
import test from "node:test";
import { finish, type FinishOutcome, restMessage } from "../../../migration/finish.ts";
import { move } from "../../../migration/move.ts";
import { FakeClusters, Killed } from "./fake-clusters.ts";

async function moved(): Promise<FakeClusters> {
  const world = new FakeClusters();
  world.addQueue("busy", 3, true);
  await move(world, "forth", { maxGapSeconds: 5 });
  world.calls.length = 0;
  return world;
}

/** What stands until the end is complete. */
function assertFinished(world: FakeClusters): void {
  assert.equal(world.note, undefined);
  assert.deepEqual([...world.running], []);
  assert.deepEqual([...world.traces], []);
  assert.equal(world.serving, "new");
}

const steps = [
  "readNote",
  "drain",
  "clearOld",
  "noteStopping",
  "stop old1",
  "stop old2",
  "stop old3",
  "clearNew",
];

test("stops the old brokers once the old cluster is empty, and removes the note last", async () => {
  const world = await moved();
  assert.deepEqual(await finish(world), { kind: "finished" });
  assert.deepEqual(world.calls, steps);
  assertFinished(world);
});

test("killed before or after any step, the next run goes on", async () => {
  for (const when of ["before", "after"] as const) {
    for (const step of steps) {
      const world = await moved();
      world[when] = (call) => {
        if (call === step) throw new Killed();
      };
      await assert.rejects(finish(world), Killed, `${when} ${step}`);
      world[when] = () => undefined;
      const outcome = await finish(world);
      const isOver = when === "after" && step === "clearNew";
      assert.deepEqual(outcome, { kind: isOver ? "nothing" : "finished" }, `${when} ${step}`);
      assertFinished(world);
    }
  }
});

test("nothing leads back once the first broker may be stopped", async () => {
  const world = await moved();
  world.before = (call) => {
    if (call === "stop old2") throw new Killed();
  };
  await assert.rejects(finish(world), Killed);
  world.before = () => undefined;
  world.calls.length = 0;
  for (const wanted of ["forth", "back"] as const)
    assert.equal(await move(world, wanted, { maxGapSeconds: 5 }), "stopping");
  assert.deepEqual(world.calls, ["readNote", "readNote"]);
});

test("a broker that cannot be stopped keeps the migration open until it is", async () => {
  const world = await moved();
  world.away.add("old2");
  assert.deepEqual(await finish(world), { kind: "running", failures: new Map([["old2", "is away"]]) });
  assert.deepEqual([...world.running], ["old2"]);
  assert.deepEqual(world.note, { direction: "forth", phase: "stopping" });
  world.away.clear();
  assert.deepEqual(await finish(world), { kind: "finished" });
  assertFinished(world);
});

test("no answer about what is left, and anything that is left, stops nothing", async () => {
  const fenced = { key: "q", vhost: "/", name: "q", messages: 0, consumers: 0 };
  const cases: readonly (readonly [
    string,
    () => ReturnType<FakeClusters["drain"]>,
    FinishOutcome["kind"] | undefined,
  ])[] = [
    ["no answer", () => Promise.reject(new Error("no broker of old answers")), undefined],
    ["a connection", () => Promise.resolve({ connections: 1, users: ["app"], queues: [fenced] }), "left"],
    [
      "a message",
      () => Promise.resolve({ connections: 0, users: [], queues: [{ ...fenced, messages: 1 }] }),
      "left",
    ],
    [
      "silence",
      () => Promise.resolve({ connections: 0, users: [], queues: [{ ...fenced, messages: undefined }] }),
      "left",
    ],
  ];
  for (const [what, drain, kind] of cases) {
    const world = await moved();
    world.drain = drain;
    const outcome = await finish(world).catch(() => undefined);
    assert.equal(outcome?.kind, kind, what);
    assert.deepEqual(world.calls, ["readNote"], what);
    assert.equal(world.running.size, 3, what);
  }
});

test("clients that do not use the new cluster keep the old one", async () => {
  const none = new FakeClusters();
  assert.deepEqual(await finish(none), { kind: "nothing" });
  for (const note of [
    { direction: "forth", phase: "opening" },
    { direction: "back", phase: "moved" },
  ] as const) {
    const world = await moved();
    world.note = note;
    assert.deepEqual(await finish(world), { kind: "unmoved" });
    assert.equal(world.running.size, 3);
  }
});

test("what is left is told apart from what does not answer", () => {
  const queue = (name: string, messages: number | undefined) => ({
    ...{ key: name, vhost: "/", name, consumers: 0 },
    messages,
  });
  const says = (connections: number, ...queues: ReturnType<typeof queue>[]): string =>
    restMessage({ connections, users: connections === 0 ? [] : ["app"], queues }, "migrate");
  const silent = "does not say what a, b hold; start the brokers that have their copies, and run this again";
  const left =
    "still has 3 messages and 1 connections (of app); move them first: migrate --back, and again forth";
  assert.equal(says(0, queue("a", undefined), queue("b", undefined), queue("c", 0)), silent);
  assert.equal(says(1, queue("c", 3)), left);
  assert.equal(says(1, queue("c", 3), queue("a", undefined), queue("b", undefined)), `${left}\n${silent}`);
});
