/** Streams are carried whole and in order: whatever dies, a message may come again, and none is left out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readAgreements, readHeld } from "../../../migration/broker-answers.ts";
import type { Direction } from "../../../migration/direction.ts";
import { type Clusters, move } from "../../../migration/move.ts";
import { SearchedLogs } from "../../../migration/searched-logs.ts";
import { carriedUpTo, copiesIn, isForeign, type StreamTail } from "../../../migration/streams.ts";
import { killAt, moveAtLast, options } from "./killed-moves.ts";
import { FakeClusters, Killed, type Side } from "./fake-clusters.ts";

const path = ["forth", "back", "forth"] as const;

function fakeClusters(): FakeClusters {
  const clusters = new FakeClusters();
  clusters.addQueue("small", 20);
  clusters.addStream("log", 5000);
  clusters.addStream("empty", 0);
  return clusters;
}

function textsIn(clusters: FakeClusters, side: Side, name = "log"): string[] {
  return clusters.streams
    .filter((stream) => stream.name === name)
    .flatMap(({ logs }) => logs[side].map(({ text }) => text));
}

/** Fails as soon as clients could use a cluster whose streams lack something. */
function watch(clusters: FakeClusters): void {
  clusters.after = () => {
    const { serving, note } = clusters;
    if (serving === undefined || note?.phase === "carrying" || note?.phase === "closing") return;
    const other = serving === "old" ? "new" : "old";
    for (const { name } of clusters.streams) {
      const there: ReadonlySet<string> = new Set(textsIn(clusters, serving, name));
      const missing: readonly string[] = textsIn(clusters, other, name).filter((text) => !there.has(text));
      // What clients have published since is in the serving one alone.
      assert.deepEqual(missing, [], `clients use ${serving}`);
    }
  };
}

/** @returns the texts, each where it came first */
const first = (texts: readonly string[]): string[] => [...new Set(texts)];

const tail = (given: Partial<StreamTail>): StreamTail => ({
  key: "log",
  vhost: "/",
  name: "log",
  id: "a",
  leader: "old1",
  last: -1,
  origin: undefined,
  searched: 1000,
  hasBatch: false,
  ...given,
});

test("the target's last message says how far a stream is carried", () => {
  const source = tail({ last: 99 });
  const agreed = { source: { id: "a", last: 40 }, target: { id: "b", last: 7 } };
  const upTo = (target: StreamTail | undefined, known?: typeof agreed) =>
    carriedUpTo({ source, target, agreed: known });
  assert.equal(upTo(tail({ id: "b" })), -1);
  assert.equal(upTo(undefined), -1);
  assert.equal(upTo(tail({ id: "b", last: 30, origin: 62 })), 62);
  assert.equal(upTo(tail({ id: "b", last: 7, origin: 3 }), agreed), 40);
  assert.equal(upTo(tail({ id: "b", last: 9, origin: 42 }), agreed), 42);
  assert.equal(upTo(undefined, agreed), 40);
  // Declared again since, on either side.
  assert.equal(upTo(tail({ id: "c" }), agreed), 40);
  assert.equal(
    carriedUpTo({ source: tail({ id: "d", last: 99 }), target: tail({ id: "b", last: 7 }), agreed }),
    -1,
  );
  // No answer, and messages of somebody else, are no place.
  assert.equal(upTo(tail({ id: "b", last: undefined }), agreed), undefined);
  assert.equal(upTo(tail({ id: "b", last: 8 }), agreed), undefined);
  assert.ok(isForeign({ source, target: tail({ id: "b", last: 8 }), agreed }));
  assert.ok(!isForeign({ source, target: tail({ id: "b", last: undefined }), agreed }));
});

test("copies can be taken back while nothing else is there", () => {
  const agreements = { log: { old: { id: "a", last: 4 }, new: { id: "b", last: 4 } } };
  const copied = tail({ id: "b", last: 9, origin: 9 });
  const source = [tail({ last: 9 })];
  // A stream of NEW's own is none, whatever its messages have in their headers.
  const own = tail({ key: "own", last: 3, origin: 3 });
  assert.deepEqual(copiesIn([copied, own], source, {}), [copied]);
  assert.deepEqual(copiesIn([tail({ id: "b", last: 4, origin: 4 })], source, agreements), []);
  assert.equal(copiesIn([copied], source, agreements), undefined);
  assert.throws(() => copiesIn([tail({ last: undefined })], source, {}), /no answer for log/);
});

test("a log is searched on where it was left, behind what an earlier move has carried or left, and again where a batch is", () => {
  const logs = new SearchedLogs();
  const next = (): (readonly [string, number])[] => logs.all.map(({ id, searched }) => [id, searched]);
  logs.keep([tail({ searched: 20 }), tail({ key: "batched", searched: 30, hasBatch: true })]);
  assert.deepEqual(next(), [["a", 20]]);
  for (const [id, last] of [
    ["a", 49],
    ["a", 10],
    ["b", 90],
  ] as const)
    logs.skip(tail({}), { id, last });
  logs.skip(tail({ key: "batched" }), { id: "c", last: 60 });
  assert.deepEqual(next(), [
    ["a", 50],
    ["c", 61],
  ]);
});

test("a stream that does not answer has no end, and an agreement that cannot be read is none", () => {
  const row = {
    ...{ vhost: "/", name: "log", id: "a", leader: "rabbit@old1.example" },
    ...{ last: null, origin: null, searched: 0, batch: false },
  };
  const [read] = readHeld({ queues: [], streams: [row] }).streams;
  assert.deepEqual([read?.last, read?.origin, read?.leader], [undefined, undefined, "old1"]);
  assert.throws(() => readHeld({ queues: [], streams: [{ ...row, id: undefined }] }));
  assert.deepEqual(readAgreements({ agreements: null }), {});
  assert.throws(() => readAgreements({}));
  assert.throws(() => readAgreements({ agreements: '{"log":{"old":{"id":"a"}}}' }));
});

test("streams are carried while clients use the source, once each, and what came meanwhile", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  for (const wanted of path) {
    await move(clusters, wanted, options);
    const [from, to] = wanted === "forth" ? (["old", "new"] as const) : (["new", "old"] as const);
    for (const name of ["log", "empty"])
      assert.deepEqual(textsIn(clusters, to, name), textsIn(clusters, from, name), wanted);
    clusters.live();
    clusters.live();
  }
  assert.ok(clusters.calls.indexOf("carryStreams") < clusters.calls.indexOf("freeze"));
  assert.ok(textsIn(clusters, "new").length > 5004);
});

test("what streams hold stays where it is, if the user says so, and what comes later is carried", async () => {
  const clusters = fakeClusters();
  await move(clusters, "forth", { ...options, leavesStreams: true });
  assert.equal(clusters.serving, "new");
  assert.deepEqual(textsIn(clusters, "new"), []);
  clusters.live();
  const [later = ""] = textsIn(clusters, "new");
  const before = textsIn(clusters, "old");
  await move(clusters, "back", options);
  assert.equal(clusters.serving, "old");
  assert.deepEqual(textsIn(clusters, "old").slice(0, before.length + 1), [...before, later]);
});

test("killed before or after any step, the next run goes on: nothing is left out, and the first of each is in order", async () => {
  for (const when of ["before", "after"] as const)
    for (let step = 0; step < 90; step += 1) {
      const clusters = fakeClusters();
      watch(clusters);
      killAt(clusters, when, step);
      for (const wanted of path) {
        await moveAtLast(clusters, wanted);
        assert.equal(clusters.serving, wanted === "forth" ? "new" : "old", `${when} step ${step}`);
        clusters.live();
      }
      const texts = textsIn(clusters, "new");
      assert.equal(new Set(texts).size, texts.length, `${when} step ${step}: twice`);
    }
});

test("killed at any step, --back leads to the old cluster", async () => {
  for (let step = 1; step < 60; step += 1) {
    const clusters = fakeClusters();
    watch(clusters);
    killAt(clusters, "before", step);
    await move(clusters, "forth", options).catch((error: unknown) => assert.ok(error instanceof Killed));
    clusters.restart();
    await move(clusters, "back", options);
    assert.equal(clusters.serving, "old", `step ${step}`);
    clusters.live();
    await move(clusters, "forth", options);
    const texts = textsIn(clusters, "new");
    assert.deepEqual(first(texts), textsIn(clusters, "old"), `step ${step}`);
  }
});

test("a shovel that ends is followed by one that begins after what it carried", async () => {
  for (let at = 1; at < 25; at += 1) {
    const clusters = fakeClusters();
    watch(clusters);
    let left = at;
    clusters.before = (call) => {
      left -= 1;
      const shovel = clusters.streamShovels.get("log");
      if (left <= 0 && shovel !== undefined && call !== "permit" && at > 0) {
        shovel.hasEnded = true;
        at = -at;
      }
    };
    await move(clusters, "forth", options);
    at = Math.abs(at);
    assert.deepEqual(textsIn(clusters, "new"), textsIn(clusters, "old"), `at ${at}`);
  }
});

test("a shovel that begins anew is replaced, and repeats no more than it has by then", async () => {
  const clusters = fakeClusters();
  watch(clusters);
  let hasBegunAnew = false;
  clusters.before = (call) => {
    const shovel = clusters.streamShovels.get("log");
    if (hasBegunAnew || call !== "fence" || shovel === undefined || shovel.next < 600) return;
    hasBegunAnew = true;
    shovel.next = shovel.from;
  };
  await move(clusters, "forth", options);
  const texts = textsIn(clusters, "new");
  assert.deepEqual(first(texts), textsIn(clusters, "old"));
  const repeated = texts.length - new Set(texts).size;
  assert.ok(repeated > 0 && repeated <= 600, String(repeated));
  assert.ok(
    clusters.reports.some((line) =>
      /^stream log goes on after offset \d+: its shovel began anew$/.test(line),
    ),
  );
});

test("a shovel that carries nothing is replaced, though it does not say that it has ended", async () => {
  const clusters = fakeClusters();
  clusters.findTroubles = () => Promise.resolve([]);
  let isHeld = false;
  clusters.before = () => {
    const shovel = clusters.streamShovels.get("log");
    if (isHeld || shovel === undefined || shovel.next < 600) return;
    isHeld = true;
    shovel.hasEnded = true;
  };
  await move(clusters, "forth", options);
  assert.deepEqual(textsIn(clusters, "new"), textsIn(clusters, "old"));
  assert.ok(clusters.reports.some((line) => line.endsWith("nothing is carried")));
});

for (const question of [
  "readAgreements",
  "findTroubles",
  "carryStreams",
  "countTarget",
  "tailTarget",
  "endShovelsOf",
])
  test(`no answer to ${question} is no permission`, async () => {
    const clusters = fakeClusters();
    watch(clusters);
    let failures = 3;
    clusters.before = (call) => {
      const shovel = clusters.streamShovels.get("log");
      if (shovel !== undefined && shovel.next > 900 && failures === 3) shovel.hasEnded = true;
      if (call !== question || failures === 0) return;
      failures -= 1;
      throw new Error(`${question} is not answered`);
    };
    assert.equal(await move(clusters, "forth", options), "moved");
    assert.equal(failures, 0);
    assert.deepEqual(textsIn(clusters, "new"), textsIn(clusters, "old"));
  });

test("a stream that does not say its end keeps the target closed, and so does one with messages of others", async () => {
  for (const side of ["countSource", "countTarget", "tailTarget", "fence"] as const) {
    const clusters = fakeClusters();
    watch(clusters);
    const ask = clusters[side].bind(clusters) as (direction: Direction) => Promise<never>;
    let silent = 3;
    Object.assign(clusters, {
      [side]: async (direction: Direction) => {
        const answer = (await ask(direction)) as { streams: StreamTail[] } | StreamTail[];
        if (silent === 0) return answer;
        silent -= 1;
        assert.ok(!clusters.calls.includes("permit"));
        const mute = (tails: readonly StreamTail[]) => tails.map((each) => ({ ...each, last: undefined }));
        return Array.isArray(answer) ? mute(answer) : { ...answer, streams: mute(answer.streams) };
      },
    });
    await move(clusters, "forth", options);
    assert.equal(silent, 0);
  }
  const clusters = fakeClusters();
  clusters.streams[0]?.logs.new.push({ text: "of somebody else" });
  await assert.rejects(move(clusters, "forth", options), /no end/);
  assert.ok(clusters.reports.some((line) => line.includes("--leave-streams")));
  assert.ok(!clusters.calls.includes("freeze"));
});

test("clients wait for no stream that is not carried for sure: batches, one declared again, one whose shovel never gets on", async () => {
  const stuck: Readonly<Record<string, (clusters: FakeClusters) => void>> = {
    "has batches of the stream protocol": (clusters) => clusters.batches.add("log"),
    "is searched for batches up to offset 70 of": (clusters) => clusters.searched.set("log", 70),
    "was declared again": (clusters) => {
      clusters.before = (call) => {
        if (call === "carryStreams") clusters.declared += 1;
      };
    },
    "is not carried yet": (clusters) => {
      clusters.after = () => {
        const shovel = clusters.streamShovels.get("log");
        if (shovel !== undefined) shovel.hasEnded = true;
      };
    },
  };
  for (const [words, arrange] of Object.entries(stuck)) {
    const clusters = new FakeClusters();
    clusters.addStream("log", 100);
    arrange(clusters);
    await assert.rejects(move(clusters, "forth", options), /no end/, words);
    assert.ok(
      clusters.reports.some((line) => line.includes(`stream log ${words}`)),
      `${words}: ${String(clusters.reports.at(-1))}`,
    );
    assert.equal(clusters.serving, "old", words);
    // The user leaves it as it is.
    clusters.before = () => undefined;
    clusters.after = () => undefined;
    clusters.rounds = 0;
    assert.equal(await move(clusters, "forth", { ...options, leavesStreams: true }), "moved");
  }
});

test("a batch that comes in the last seconds keeps the target closed, until the user leaves it", async () => {
  const clusters = fakeClusters();
  clusters.before = (call) => {
    if (call === "fence") clusters.batches.add("log");
  };
  await assert.rejects(move(clusters, "forth", options), /no end/);
  assert.ok(!clusters.calls.includes("permit"));
  clusters.rounds = 0;
  assert.equal(await move(clusters, "forth", { ...options, leavesStreams: true }), "moved");
});

test("a stream that was declared meanwhile is made in the target, and carried", async () => {
  const clusters = fakeClusters();
  let isMade = false;
  const prepareLate: Clusters["prepareLate"] = (_, queues) => {
    isMade ||= queues.some(({ name }) => name === "log");
    return Promise.resolve();
  };
  Object.assign(clusters, { prepareLate });
  const count = clusters.countTarget.bind(clusters);
  clusters.countTarget = async (direction) => {
    const { queues, streams } = await count(direction);
    return { queues, streams: streams.filter(({ name }) => isMade || name !== "log") };
  };
  await move(clusters, "forth", options);
  assert.deepEqual(textsIn(clusters, "new"), textsIn(clusters, "old"));
});

test("a move that is taken back is carried on while clients use the source, before they have to wait", async () => {
  const clusters = fakeClusters();
  clusters.addQueue("backlog", 400);
  watch(clusters);
  clusters.before = (call) => {
    if (call === "writeNote forth closing") throw new Killed();
  };
  await assert.rejects(move(clusters, "forth", options), Killed);
  clusters.restart();
  clusters.calls.length = 0;
  await move(clusters, "back", options);
  const closed = clusters.calls.indexOf("writeNote forth closing");
  assert.ok(clusters.calls.slice(0, closed).includes("carryStreams"), clusters.calls.join(", "));
  assert.equal(clusters.serving, "old");
});
