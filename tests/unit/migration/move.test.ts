/** The order of a move: what fails, hangs or is killed at any place loses nothing, and never serves both clusters. */
import assert from "node:assert/strict";
import test from "node:test";
import { type Direction, move, type Outcome } from "../../../migration/move.ts";
import { FakeClusters, Killed } from "./fake-clusters.ts";

const options = { maxGapSeconds: 5 };

function clusters(): FakeClusters {
  const world = new FakeClusters();
  world.addQueue("backlog", 3300);
  world.addQueue("busy", 3, true);
  world.addQueue("empty", 0);
  world.addQueue("small", 20);
  return world;
}

/** Fails as soon as clients could use a cluster while the other one still has messages, or both. */
function watch(world: FakeClusters): void {
  const check = (): void => {
    const { serving, note } = world;
    if (serving === undefined) return;
    const other = serving === "old" ? "new" : "old";
    const isOpen = note?.phase === "carrying" || note?.phase === "closing";
    const isCarrying = isOpen && other === (note.direction === "forth" ? "new" : "old");
    const left = world.queues.filter(({ messages }) => messages[other].length > 0);
    if (!isCarrying)
      assert.deepEqual(
        left.map(({ name }) => name),
        [],
        `clients use ${serving}`,
      );
  };
  world.after = check;
}

function assertOrder(world: FakeClusters): void {
  for (const { name, messages } of world.queues) {
    const all = [
      ...world.received.filter((each) => each.startsWith(`${name} `)),
      ...messages.old,
      ...messages.new,
    ];
    const live = all.filter((each) => each.includes(" live ")).map((each) => Number(each.split(" ").at(-1)));
    assert.deepEqual(
      live,
      live.toSorted((a, b) => a - b),
      name,
    );
    const first = all.filter((each) => !each.includes(" live "));
    assert.deepEqual(
      first,
      first.toSorted((a, b) => Number(a.split(" ")[1]) - Number(b.split(" ")[1])),
      name,
    );
    assert.equal(new Set(all).size, all.length, `${name}: twice`);
  }
}

const countOf = (world: FakeClusters): number =>
  world.received.length +
  world.queues.reduce((sum, { messages }) => sum + messages.old.length + messages.new.length, 0);

/** Runs the command, again after each kill. */
async function moveAtLast(world: FakeClusters, wanted: Direction): Promise<Outcome> {
  for (let runs = 0; runs < 50; runs += 1) {
    try {
      return await move(world, wanted, options);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      world.live();
    }
  }
  assert.fail("never done");
}

test("moves all messages, in their order, and then the clients", async () => {
  const world = clusters();
  watch(world);
  assert.equal(await move(world, "forth", options), "moved");
  assert.equal(world.serving, "new");
  assert.equal(world.configured, "new");
  assert.ok(world.fenced.has("old"));
  assert.deepEqual(world.note, { direction: "forth", phase: "moved" });
  world.live();
  assertOrder(world);
  assert.equal(world.queues.flatMap(({ messages }) => messages.old).length, 0);
});

test("waits while more is left than the gap allows, and carries what nobody consumes meanwhile", async () => {
  const world = clusters();
  watch(world);
  await move(world, "forth", options);
  assert.ok(
    world.reports.some((line) => line.includes("waiting for backlog (3")),
    world.reports.join("\n"),
  );
  assert.ok(world.calls.indexOf("carry") < world.calls.indexOf("freeze"));
});

test("fences before the balancers serve the target, and serves nobody while messages are left", async () => {
  const world = clusters();
  await move(world, "forth", options);
  const order = ["writeNote forth closing", "freeze", "fence", "permit", "open", "settle"];
  const at = order.map((call) => world.calls.indexOf(call));
  assert.deepEqual(
    at,
    at.toSorted((a, b) => a - b),
    world.calls.join(", "),
  );
});

test("moves back, and forth again", async () => {
  const world = clusters();
  watch(world);
  for (const wanted of ["forth", "back", "forth"] as const) {
    assert.equal(await move(world, wanted, options), "moved");
    assert.equal(world.serving, wanted === "forth" ? "new" : "old");
    world.live();
  }
  assertOrder(world);
});

test("a second run leads a balancer that was away, and changes nothing else", async () => {
  const world = clusters();
  await move(world, "forth", options);
  world.calls.length = 0;
  assert.equal(await move(world, "forth", options), "already");
  assert.deepEqual(world.calls, ["readNote", "open"]);
  assert.equal(await move(clusters(), "back", options), "nothing");
});

test("is taken back without a trace while nothing has been carried", async () => {
  const world = clusters();
  world.note = { direction: "forth", phase: "carrying" };
  assert.equal(await move(world, "back", options), "cancelled");
  assert.equal(world.note, undefined);
  assert.equal(world.serving, "old");
});

test("goes back in order after messages have been carried", async () => {
  const world = clusters();
  watch(world);
  world.before = (call) => {
    if (call === "writeNote forth closing") throw new Killed();
  };
  await assert.rejects(move(world, "forth", options), Killed);
  world.before = () => undefined;
  assert.equal(await move(world, "back", options), "moved");
  assert.equal(world.serving, "old");
  world.live();
  assertOrder(world);
  assert.equal(world.queues.flatMap(({ messages }) => messages.new).length, 0);
});

const path = ["forth", "back", "forth"] as const;

test("killed before or after any step, the next run goes on: nothing lost, in order, never both clusters", async () => {
  for (const when of ["before", "after"] as const) {
    for (let step = 0; step < 60; step += 1) {
      const world = clusters();
      watch(world);
      const check = world.after;
      let left = step;
      const kill = (call: string): void => {
        if (when === "after") check(call);
        left -= 1;
        if (left === -1) throw new Killed();
      };
      if (when === "before") world.before = kill;
      else world.after = kill;
      let total = countOf(world);
      for (const wanted of path) {
        await moveAtLast(world, wanted);
        assert.equal(world.serving, wanted === "forth" ? "new" : "old", `${when} step ${step}`);
      }
      assertOrder(world);
      total = Math.max(total, countOf(world));
      assert.ok(total >= 3323);
    }
  }
});

test("killed at any step, --back leads to the old cluster", async () => {
  for (let step = 1; step < 40; step += 1) {
    const world = clusters();
    watch(world);
    let left = step;
    world.before = () => {
      left -= 1;
      if (left === -1) throw new Killed();
    };
    const outcome = await move(world, "forth", options).catch((error: unknown) => {
      assert.ok(error instanceof Killed);
      return undefined;
    });
    world.before = () => undefined;
    await move(world, "back", options);
    assert.equal(world.serving, "old", `step ${step}, ${String(outcome)}`);
    world.live();
    assertOrder(world);
    assert.equal(world.queues.flatMap(({ messages }) => messages.new).length, 0);
  }
});

for (const question of ["countSource", "countTarget", "fence", "permit"]) {
  test(`no answer to ${question} is no permission`, async () => {
    const world = clusters();
    watch(world);
    let failures = 3;
    world.before = (call) => {
      if (call !== question || failures === 0) return;
      failures -= 1;
      throw new Error(`${question} is not answered`);
    };
    assert.equal(await move(world, "forth", options), "moved");
    assert.equal(failures, 0);
    assert.equal(world.reports.filter((line) => line === `${question} is not answered`).length, 3);
    assertOrder(world);
  });
}

test("a queue that does not answer is not empty", async () => {
  const world = clusters();
  watch(world);
  const fence = world.fence.bind(world);
  let silent = 3;
  world.fence = async (direction) => {
    const { queues, ...rest } = await fence(direction);
    if (silent === 0) return { queues, ...rest };
    silent -= 1;
    assert.ok(!world.calls.includes("permit"));
    return { ...rest, queues: queues.map((queue) => ({ ...queue, messages: undefined })) };
  };
  assert.equal(await move(world, "forth", options), "moved");
  assert.equal(silent, 0);
  const said = world.reports.filter((line) => line.includes("no answer for"));
  assert.deepEqual([said.length, said.some((line) => line.includes("messages are left in"))], [3, false]);
});

test("a connection that is left keeps the target closed", async () => {
  const world = clusters();
  const fence = world.fence.bind(world);
  let open = 100;
  world.fence = async (direction) => {
    const fenced = await fence(direction);
    if (open === 0) return fenced;
    open -= 1;
    assert.ok(!world.calls.includes("permit"));
    return { ...fenced, connections: 1 };
  };
  assert.equal(await move(world, "forth", options), "moved");
  assert.equal(open, 0);
});

test("a queue with a consumer is not carried while clients use the source", async () => {
  const world = new FakeClusters();
  world.addQueue("backlog", 3300);
  world.addQueue("slow", 500, true);
  world.before = (call) => {
    if (call === "freeze") assert.deepEqual([...world.shovels.keys()], ["backlog"]);
  };
  assert.equal(await move(world, "forth", options), "moved");
});
