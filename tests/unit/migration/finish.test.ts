/** The end of a migration: what is killed or fails at any place goes on with the next run. */
import assert from "node:assert/strict";
import test from "node:test";
import { finish, type FinishOutcome, restMessage } from "../../../migration/finish.ts";
import { move } from "../../../migration/move.ts";
import { FakeClusters, Killed } from "./fake-clusters.ts";

async function moved(): Promise<FakeClusters> {
  const clusters = new FakeClusters();
  clusters.addQueue("busy", 3, true);
  await move(clusters, "forth", { maxGapSeconds: 5, leavesStreams: false });
  clusters.calls.length = 0;
  return clusters;
}

/** What stands until the end is complete. */
function assertFinished(clusters: FakeClusters): void {
  assert.equal(clusters.note, undefined);
  assert.deepEqual([...clusters.running], []);
  assert.deepEqual([...clusters.traces], []);
  assert.equal(clusters.serving, "new");
}

const steps = [
  "readNote",
  "awaitEmpty",
  "removeTracesFromOld",
  "noteStopping",
  "stop old1",
  "stop old2",
  "stop old3",
  "removeTracesFromNew",
];

test("stops the old brokers once the old cluster is empty, and removes the note last", async () => {
  const clusters = await moved();
  assert.deepEqual(await finish(clusters), { kind: "finished" });
  assert.deepEqual(clusters.calls, steps);
  assertFinished(clusters);
});

test("killed before or after any step, the next run goes on", async () => {
  for (const when of ["before", "after"] as const) {
    for (const step of steps) {
      const clusters = await moved();
      clusters[when] = (call) => {
        if (call === step) throw new Killed();
      };
      await assert.rejects(finish(clusters), Killed, `${when} ${step}`);
      clusters[when] = () => undefined;
      clusters.isKilled = false;
      const outcome = await finish(clusters);
      const isOver = when === "after" && step === "removeTracesFromNew";
      assert.deepEqual(outcome, { kind: isOver ? "nothing" : "finished" }, `${when} ${step}`);
      assertFinished(clusters);
    }
  }
});

test("nothing leads back once the first broker may be stopped", async () => {
  const clusters = await moved();
  clusters.before = (call) => {
    if (call === "stop old2") throw new Killed();
  };
  await assert.rejects(finish(clusters), Killed);
  clusters.restart();
  clusters.calls.length = 0;
  for (const wanted of ["forth", "back"] as const)
    assert.equal(await move(clusters, wanted, { maxGapSeconds: 5, leavesStreams: false }), "stopping");
  assert.deepEqual(clusters.calls, ["readNote", "readNote"]);
});

test("a broker that cannot be stopped keeps the migration open until it is", async () => {
  const clusters = await moved();
  clusters.away.add("old2");
  assert.deepEqual(await finish(clusters), { kind: "running", failures: new Map([["old2", "is away"]]) });
  assert.deepEqual([...clusters.running], ["old2"]);
  assert.deepEqual(clusters.note, { direction: "forth", phase: "stopping" });
  clusters.away.clear();
  assert.deepEqual(await finish(clusters), { kind: "finished" });
  assertFinished(clusters);
});

test("no answer about what is left, and anything that is left, stops nothing", async () => {
  const fenced = { key: "q", vhost: "/", name: "q", messages: 0, consumers: 0 };
  const cases: readonly (readonly [
    string,
    () => ReturnType<FakeClusters["awaitEmpty"]>,
    FinishOutcome["kind"] | undefined,
  ])[] = [
    ["no answer", () => Promise.reject(new Error("no broker of old answers")), undefined],
    [
      "a connection",
      () => Promise.resolve({ connections: 1, users: ["app"], streams: [], queues: [fenced] }),
      "left",
    ],
    [
      "a message",
      () => Promise.resolve({ connections: 0, users: [], streams: [], queues: [{ ...fenced, messages: 1 }] }),
      "left",
    ],
    [
      "silence",
      () =>
        Promise.resolve({
          connections: 0,
          users: [],
          streams: [],
          queues: [{ ...fenced, messages: undefined }],
        }),
      "left",
    ],
  ];
  for (const [what, drain, kind] of cases) {
    const clusters = await moved();
    clusters.awaitEmpty = drain;
    const outcome = await finish(clusters).catch(() => undefined);
    assert.equal(outcome?.kind, kind, what);
    assert.deepEqual(clusters.calls, ["readNote"], what);
    assert.equal(clusters.running.size, 3, what);
  }
});

test("clients that do not use the new cluster keep the old one", async () => {
  const none = new FakeClusters();
  assert.deepEqual(await finish(none), { kind: "nothing" });
  for (const note of [
    { direction: "forth", phase: "opening" },
    { direction: "back", phase: "moved" },
  ] as const) {
    const clusters = await moved();
    clusters.note = note;
    assert.deepEqual(await finish(clusters), { kind: "unmoved" });
    assert.equal(clusters.running.size, 3);
  }
});

test("what is left is told apart from what does not answer", () => {
  const queue = (name: string, messages: number | undefined) => ({
    ...{ key: name, vhost: "/", name, consumers: 0 },
    messages,
  });
  const says = (connections: number, ...queues: ReturnType<typeof queue>[]): string =>
    restMessage({ connections, users: connections === 0 ? [] : ["app"], queues, streams: [] }, "migrate");
  const silent = "does not say what a, b hold; start the brokers that have their copies, and run this again";
  const left =
    "still has 3 messages and 1 connections (of app); move them first: migrate --back, and again forth";
  assert.equal(says(0, queue("a", undefined), queue("b", undefined), queue("c", 0)), silent);
  assert.equal(says(1, queue("c", 3)), left);
  assert.equal(says(1, queue("c", 3), queue("a", undefined), queue("b", undefined)), `${left}\n${silent}`);
});
