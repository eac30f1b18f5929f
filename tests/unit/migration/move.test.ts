/** The order of a move: what fails, hangs or is killed at any place loses nothing, and never serves both clusters. */
import assert from "node:assert/strict";
import test from "node:test";
import { move } from "../../../migration/move.ts";
import { killAt, moveAtLast, options } from "./killed-moves.ts";
import { FakeClusters, Killed } from "./fake-clusters.ts";

function fakeClusters(): FakeClusters {
  const clusters = new FakeClusters();
  clusters.addQueue("backlog", 3300);
  clusters.addQueue("busy", 3, true);
  clusters.addQueue("empty", 0);
  clusters.addQueue("small", 20);
  return clusters;
}

/** Fails as soon as clients could use a cluster while the other one still has messages, or both. */
function watch(clusters: FakeClusters): void {
  const check = (): void => {
    const { serving, note } = clusters;
    if (serving === undefined) return;
    const other = serving === "old" ? "new" : "old";
    const isOpen = note?.phase === "carrying" || note?.phase === "closing";
    const isCarrying = isOpen && other === (note.direction === "forth" ? "new" : "old");
    const left = clusters.queues.filter(({ messages }) => messages[other].length > 0);
    if (!isCarrying)
      assert.deepEqual(
        left.map(({ name }) => name),
        [],
        `clients use ${serving}`,
      );
  };
  clusters.after = check;
}

function assertOrder(clusters: FakeClusters): void {
  for (const { name, messages } of clusters.queues) {
    const all = [
      ...clusters.received.filter((each) => each.startsWith(`${name} `)),
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

const countOf = (clusters: FakeClusters): number =>
  clusters.received.length +
  clusters.queues.reduce((sum, { messages }) => sum + messages.old.length + messages.new.length, 0);

test("moves all messages, in their order, and then the clients", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  assert.equal(await move(clusters, "forth", options), "moved");
  assert.equal(clusters.serving, "new");
  assert.equal(clusters.configured, "new");
  assert.ok(clusters.fenced.has("old"));
  assert.deepEqual(clusters.note, { direction: "forth", phase: "moved" });
  clusters.live();
  assertOrder(clusters);
  assert.equal(clusters.queues.flatMap(({ messages }) => messages.old).length, 0);
});

test("waits while more is left than the gap allows, and carries what nobody consumes meanwhile", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  await move(clusters, "forth", options);
  assert.ok(
    clusters.reports.some((line) => line.includes("waiting for backlog (3")),
    clusters.reports.join("\n"),
  );
  assert.ok(clusters.calls.indexOf("carry") < clusters.calls.indexOf("freeze"));
});

test("fences before the balancers serve the target, and serves nobody while messages are left", async () => {
  const clusters = fakeClusters();
  await move(clusters, "forth", options);
  const order = ["writeNote forth closing", "freeze", "fence", "permit", "open", "settle"];
  const at = order.map((call) => clusters.calls.indexOf(call));
  assert.deepEqual(
    at,
    at.toSorted((a, b) => a - b),
    clusters.calls.join(", "),
  );
});

test("clients go on using the source while one of its brokers does not run", async () => {
  const clusters = fakeClusters();
  clusters.away.add("old2");
  let counted = 0;
  clusters.after = (call) => {
    if (call !== "countSource") return;
    counted += 1;
    // Far more rounds than what is to be carried takes.
    if (counted === 100) {
      assert.equal(clusters.serving, "old");
      assert.match(String(clusters.reports.at(-1)), /old2 does not run/);
      clusters.away.clear();
    }
  };
  assert.equal(await move(clusters, "forth", options), "moved");
  assert.ok(counted > 100);
  assert.ok(!clusters.reports.some((line) => line.includes("does not answer")));
});

test("a queue that the broker has named is not carried, and clients stay until it is empty", async () => {
  const clusters = fakeClusters();
  clusters.addQueue("amq.gen-x", 3);
  const own = clusters.queues.find(({ name }) => name === "amq.gen-x");
  assert.ok(own);
  let counted = 0;
  clusters.after = (call) => {
    if (call === "countSource" && ++counted === 100) {
      assert.equal(clusters.serving, "old");
      assert.match(
        String(clusters.reports.at(-1)),
        /amq\.gen-x holds \d+ messages, and the target cannot have/,
      );
      own.hasConsumer = true;
    }
    assert.ok(!clusters.shovels.has("amq.gen-x") && !clusters.waiting.has("amq.gen-x"));
  };
  assert.equal(await move(clusters, "forth", options), "moved");
  assert.ok(counted > 100);
});

test("moves back, and forth again", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  for (const wanted of ["forth", "back", "forth"] as const) {
    assert.equal(await move(clusters, wanted, options), "moved");
    assert.equal(clusters.serving, wanted === "forth" ? "new" : "old");
    clusters.live();
  }
  assertOrder(clusters);
});

test("a second run leads a balancer that was away, and changes nothing else", async () => {
  const clusters = fakeClusters();
  await move(clusters, "forth", options);
  clusters.calls.length = 0;
  assert.equal(await move(clusters, "forth", options), "already");
  assert.deepEqual(clusters.calls, ["readNote", "open"]);
  assert.equal(await move(fakeClusters(), "back", options), "nothing");
});

test("is taken back without a trace while nothing has been carried", async () => {
  const clusters = fakeClusters();
  clusters.note = { direction: "forth", phase: "carrying" };
  assert.equal(await move(clusters, "back", options), "cancelled");
  assert.equal(clusters.note, undefined);
  assert.equal(clusters.serving, "old");
});

test("goes back in order after messages have been carried", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  clusters.before = (call) => {
    if (call === "writeNote forth closing") throw new Killed();
  };
  await assert.rejects(move(clusters, "forth", options), Killed);
  clusters.restart();
  assert.equal(await move(clusters, "back", options), "moved");
  assert.equal(clusters.serving, "old");
  clusters.live();
  assertOrder(clusters);
  assert.equal(clusters.queues.flatMap(({ messages }) => messages.new).length, 0);
});

const path = ["forth", "back", "forth"] as const;

/** Of both clusters' notes, either may be written first. */
const kills = [
  ["before", false],
  ["after", false],
  ["before", true],
  ["after", true],
] as const;

test("killed before or after any step, the next run goes on: nothing lost, in order, never both clusters", async () => {
  for (const [when, writesOldFirst] of kills) {
    for (let step = 0; step < 70; step += 1) {
      const clusters = fakeClusters();
      clusters.writesOldFirst = writesOldFirst;
      watch(clusters);
      killAt(clusters, when, step);
      let total = countOf(clusters);
      for (const wanted of path) {
        await moveAtLast(clusters, wanted);
        assert.equal(clusters.serving, wanted === "forth" ? "new" : "old", `${when} step ${step}`);
      }
      assertOrder(clusters);
      total = Math.max(total, countOf(clusters));
      assert.ok(total >= 3323);
    }
  }
});

test("killed at any step, --back leads to the old cluster", async () => {
  for (let step = 1; step < 80; step += 1) {
    const clusters = fakeClusters();
    clusters.writesOldFirst = step % 2 === 0;
    watch(clusters);
    killAt(clusters, "before", Math.ceil(step / 2));
    const outcome = await move(clusters, "forth", options).catch((error: unknown) => {
      assert.ok(error instanceof Killed);
      return undefined;
    });
    clusters.restart();
    await move(clusters, "back", options);
    assert.equal(clusters.serving, "old", `step ${step}, ${String(outcome)}`);
    clusters.live();
    assertOrder(clusters);
    assert.equal(clusters.queues.flatMap(({ messages }) => messages.new).length, 0);
  }
});

for (const question of ["countSource", "countTarget", "fence", "permit"]) {
  test(`no answer to ${question} is no permission`, async () => {
    const clusters = fakeClusters();
    watch(clusters);
    let failures = 3;
    clusters.before = (call) => {
      if (call !== question || failures === 0) return;
      failures -= 1;
      throw new Error(`${question} is not answered`);
    };
    assert.equal(await move(clusters, "forth", options), "moved");
    assert.equal(failures, 0);
    assert.equal(clusters.reports.filter((line) => line === `${question} is not answered`).length, 3);
    assertOrder(clusters);
  });
}

test("a queue that does not answer is not empty", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  const fence = clusters.fence.bind(clusters);
  let silent = 3;
  clusters.fence = async (direction) => {
    const { queues, ...rest } = await fence(direction);
    if (silent === 0) return { queues, ...rest };
    silent -= 1;
    assert.ok(!clusters.calls.includes("permit"));
    return { ...rest, queues: queues.map((queue) => ({ ...queue, messages: undefined })) };
  };
  assert.equal(await move(clusters, "forth", options), "moved");
  assert.equal(silent, 0);
  const said = clusters.reports.filter((line) => line.includes("no answer for"));
  assert.deepEqual([said.length, said.some((line) => line.includes("messages are left in"))], [3, false]);
});

test("--back waits, with clients where they are, for a queue that may hold messages already", async () => {
  const clusters = fakeClusters();
  clusters.note = { direction: "forth", phase: "carrying" };
  clusters.oldNote = clusters.note;
  clusters.silent.new.add("backlog");
  clusters.before = (call) => {
    assert.equal(clusters.serving, "old");
    if (call === "readNote" || clusters.rounds < 50) return;
    assert.match(String(clusters.reports.at(-1)), /no answer for backlog, so it may hold messages/);
    clusters.silent.new.clear();
  };
  assert.equal(await move(clusters, "back", options), "cancelled");
  assert.ok(clusters.rounds >= 50);
});

test("clients go on using the source while a queue of the target does not answer", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  clusters.silent.new.add("small");
  clusters.before = () => {
    if (clusters.silent.new.size === 0 || clusters.rounds < 100) return;
    assert.equal(clusters.serving, "old");
    assert.match(String(clusters.reports.at(-1)), /no answer for small where its messages go/);
    clusters.silent.new.clear();
  };
  assert.equal(await move(clusters, "forth", options), "moved");
  assert.ok(clusters.rounds >= 100);
});

test("what is not answered while clients wait is asked again, also when a move turns round", async () => {
  for (const call of ["writeNote back closing", "writeNote of OLD", "endShovels", "fence", "permit"]) {
    const clusters = fakeClusters();
    watch(clusters);
    clusters.before = (each) => {
      if (each === "freeze") throw new Killed();
    };
    await assert.rejects(move(clusters, "forth", options), Killed);
    clusters.restart();
    let failures = 3;
    clusters.before = (each) => {
      if (each !== call || failures === 0 || clusters.calls.at(-1) === "settle") return;
      failures -= 1;
      throw new Error(`${call} is not answered`);
    };
    assert.equal(await move(clusters, "back", options), "moved", call);
    assert.equal(failures, 0, call);
    assert.equal(clusters.serving, "old");
  }
});

test("a connection that is left keeps the target closed", async () => {
  const clusters = fakeClusters();
  const fence = clusters.fence.bind(clusters);
  let open = 100;
  clusters.fence = async (direction) => {
    const fenced = await fence(direction);
    if (open === 0) return fenced;
    open -= 1;
    assert.ok(!clusters.calls.includes("permit"));
    return { ...fenced, connections: 1 };
  };
  assert.equal(await move(clusters, "forth", options), "moved");
  assert.equal(open, 0);
});

test("a queue with a consumer is not carried while clients use the source", async () => {
  const clusters = new FakeClusters();
  clusters.addQueue("backlog", 3300);
  clusters.addQueue("slow", 500, true);
  clusters.before = (call) => {
    if (call === "freeze") assert.deepEqual([...clusters.shovels.keys()], ["backlog"]);
  };
  assert.equal(await move(clusters, "forth", options), "moved");
});
