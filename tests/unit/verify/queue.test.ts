/** What verify makes of a queue's mirrors and of where connections land. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeMirrors, nameUnder } from "../../../verify/mirrors.ts";
import { judgeSpread } from "../../../verify/spread.ts";

const brokers = ["cent120", "cent121", "cent122"];
const nodes = (...names: string[]): string[] => names.map((name) => `rabbit@${name}`);
const queue = (mirrors: string[], synchronised = mirrors) => ({
  node: "rabbit@cent120",
  type: "classic",
  slave_nodes: nodes(...mirrors),
  synchronised_slave_nodes: nodes(...synchronised),
});
const all = { "ha-mode": "all" };

test("all: a mirror in sync on every other broker is whole", () => {
  const judged = judgeMirrors(queue(["cent122", "cent121"]), all, brokers);
  assert.deepEqual(judged, {
    whole: true,
    detail: "a queue (classic) on cent120, in sync on cent121, cent122",
    rerun: [],
  });
});

test("all: names the broker without a mirror, and the mirror that is not in sync", () => {
  assert.deepEqual(judgeMirrors(queue(["cent121"]), all, brokers), {
    whole: false,
    detail: "a queue (classic) on cent120: no mirror on cent122",
    rerun: ["cent122-service"],
  });
  const late = judgeMirrors(queue(["cent121", "cent122"], ["cent121"]), all, brokers);
  assert.equal(late.detail, "a queue (classic) on cent120: the mirror on cent122 is not in sync");
  assert.deepEqual(late.rerun, []);
});

test("all: no mirror at all is the policy's fault", () => {
  assert.deepEqual(judgeMirrors({ node: "rabbit@cent120", type: "classic" }, all, brokers), {
    whole: false,
    detail: "a queue (classic) on cent120 has no mirrors, expected 2 of them",
    rerun: ["mirror-policy-set"],
  });
});

test("exactly: the leader counts, and more than there are brokers is all of them", () => {
  const exactly = (count: number) => ({ "ha-mode": "exactly", "ha-params": count });
  assert.equal(judgeMirrors(queue(["cent121"]), exactly(2), brokers).whole, true);
  assert.equal(judgeMirrors(queue(["cent121"]), exactly(3), brokers).whole, false);
  assert.equal(judgeMirrors(queue(["cent121", "cent122"]), exactly(5), brokers).whole, true);
  assert.equal(judgeMirrors({ node: "rabbit@cent120" }, exactly(1), brokers).whole, true);
});

test("nodes: those that are listed, the leader left out", () => {
  const listed = { "ha-mode": "nodes", "ha-params": nodes("cent120", "cent122") };
  assert.equal(judgeMirrors(queue(["cent122"]), listed, brokers).whole, true);
  assert.equal(judgeMirrors(queue(["cent121"]), listed, brokers).whole, false);
});

test("a policy without ha-mode asks for no mirrors", () => {
  const judged = judgeMirrors({ node: "rabbit@cent120", type: "quorum" }, { expires: 1 }, brokers);
  assert.equal(judged.whole, true);
});

test("a name falls under the policy, with the pattern's own beginning where it must", () => {
  assert.equal(nameUnder("^", "plain"), "plain");
  assert.equal(nameUnder("^(?!amq\\.).*", "plain"), "plain");
  assert.equal(nameUnder("^ha\\.", "plain"), "ha.plain");
  assert.equal(nameUnder("^two-", "plain"), "two-plain");
  assert.equal(nameUnder("^orders$", "plain"), undefined);
  assert.equal(nameUnder("(?i)^x", "plain"), undefined);
});

const landed = (...names: string[]): PromiseSettledResult<string>[] =>
  names.map((value) => ({ status: "fulfilled", value }));
const failed: PromiseSettledResult<string> = { status: "rejected", reason: new Error("Socket closed") };

test("connections on every broker are whole, however many on each", () => {
  const judged = judgeSpread(landed("cent120", "cent121", "cent122", "cent122"), brokers, []);
  assert.deepEqual(judged, {
    whole: true,
    detail: "4 connections: cent120 1, cent121 1, cent122 2",
    rerun: [],
  });
});

test("names the broker that got none, and how many connections failed and why", () => {
  const none = judgeSpread(landed("cent120", "cent122"), brokers, ["address"]);
  assert.equal(none.detail, "none came to cent121 (cent120 1, cent121 0, cent122 1)");
  assert.deepEqual(none.rerun, ["cent121-service"]);
  const some = judgeSpread([...landed(...brokers), failed], brokers, ["address"]);
  assert.equal(some.detail, "1 of 4 failed (Socket closed)");
  assert.deepEqual(some.rerun, ["address"]);
  assert.equal(judgeSpread([failed, failed], brokers, ["address"]).detail, "Socket closed");
});
