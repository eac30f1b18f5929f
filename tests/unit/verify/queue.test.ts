/** How verify judges a queue's mirrors and the spread of connections over the brokers. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeMirrors, findMatchingName } from "../../../verify/checks/mirrors.ts";
import { judgeSpread } from "../../../verify/checks/spread.ts";

const brokers = ["cent120", "cent121", "cent122"];
const nodes = (...names: string[]): string[] => names.map((name) => `rabbit@${name}`);
const queue = (mirrors: string[], synchronised = mirrors) => ({
  node: "rabbit@cent120",
  type: "classic",
  slave_nodes: nodes(...mirrors),
  synchronised_slave_nodes: nodes(...synchronised),
});
const all = { "ha-mode": "all" };

test("ha-mode all: the check passes with a mirror in sync on every other broker", () => {
  const judged = judgeMirrors(queue(["cent122", "cent121"]), all, brokers);
  assert.deepEqual(judged, {
    ok: true,
    detail: "a queue (classic) on cent120, in sync on cent121, cent122",
    resourcesToRerun: [],
  });
});

test("ha-mode all: a broker without a mirror, and a mirror that is not in sync, are reported", () => {
  assert.deepEqual(judgeMirrors(queue(["cent121"]), all, brokers), {
    ok: false,
    detail: "a queue (classic) on cent120: no mirror on cent122",
    resourcesToRerun: ["cent122-service"],
  });
  const late = judgeMirrors(queue(["cent121", "cent122"], ["cent121"]), all, brokers);
  assert.equal(late.detail, "a queue (classic) on cent120: the mirror on cent122 is not in sync");
  assert.deepEqual(late.resourcesToRerun, []);
});

test("ha-mode all: no mirror at all re-runs the policy", () => {
  assert.deepEqual(judgeMirrors({ node: "rabbit@cent120", type: "classic" }, all, brokers), {
    ok: false,
    detail: "a queue (classic) on cent120 has no mirrors, expected 2 of them",
    resourcesToRerun: ["mirror-policy-set"],
  });
});

test("ha-mode exactly: the leader counts, and a number above that of the brokers means all", () => {
  const exactly = (count: number) => ({ "ha-mode": "exactly", "ha-params": count });
  assert.equal(judgeMirrors(queue(["cent121"]), exactly(2), brokers).ok, true);
  assert.equal(judgeMirrors(queue(["cent121"]), exactly(3), brokers).ok, false);
  assert.equal(judgeMirrors(queue(["cent121", "cent122"]), exactly(5), brokers).ok, true);
  assert.equal(judgeMirrors({ node: "rabbit@cent120" }, exactly(1), brokers).ok, true);
});

test("ha-mode nodes: the listed brokers except the leader need a mirror", () => {
  const listed = { "ha-mode": "nodes", "ha-params": nodes("cent120", "cent122") };
  assert.equal(judgeMirrors(queue(["cent122"]), listed, brokers).ok, true);
  assert.equal(judgeMirrors(queue(["cent121"]), listed, brokers).ok, false);
});

test("a policy without ha-mode needs no mirrors", () => {
  const judged = judgeMirrors({ node: "rabbit@cent120", type: "quorum" }, { expires: 1 }, brokers);
  assert.equal(judged.ok, true);
});

test("the chosen queue name matches the policy's pattern, with the pattern's prefix if needed", () => {
  assert.equal(findMatchingName("^", "plain"), "plain");
  assert.equal(findMatchingName("^(?!amq\\.).*", "plain"), "plain");
  assert.equal(findMatchingName("^ha\\.", "plain"), "ha.plain");
  assert.equal(findMatchingName("^two-", "plain"), "two-plain");
  assert.equal(findMatchingName("^orders$", "plain"), undefined);
  assert.equal(findMatchingName("(?i)^x", "plain"), undefined);
});

const connectedTo = (...names: string[]): PromiseSettledResult<string>[] =>
  names.map((value) => ({ status: "fulfilled", value }));
const failed: PromiseSettledResult<string> = { status: "rejected", reason: new Error("Socket closed") };

test("the check passes with connections on every broker, however many on each", () => {
  const judged = judgeSpread(connectedTo("cent120", "cent121", "cent122", "cent122"), brokers, []);
  assert.deepEqual(judged, {
    ok: true,
    detail: "4 connections: cent120 1, cent121 1, cent122 2",
    resourcesToRerun: [],
  });
});

test("a broker without connections, and the number and reason of failed ones, are reported", () => {
  const none = judgeSpread(connectedTo("cent120", "cent122"), brokers, ["address"]);
  assert.equal(none.detail, "no connection reached cent121 (cent120 1, cent121 0, cent122 1)");
  assert.deepEqual(none.resourcesToRerun, ["cent121-service"]);
  const some = judgeSpread([...connectedTo(...brokers), failed], brokers, ["address"]);
  assert.equal(some.detail, "1 of 4 failed (Socket closed)");
  assert.deepEqual(some.resourcesToRerun, ["address"]);
  assert.equal(judgeSpread([failed, failed], brokers, ["address"]).detail, "Socket closed");
});

test("all connections may reach one broker where HAProxy does not spread a client's", () => {
  const onOne = connectedTo("cent121", "cent121");
  for (const balance of ["source", "first"]) {
    assert.deepEqual(judgeSpread(onOne, brokers, [], balance), {
      ok: true,
      detail: "2 connections: cent120 0, cent121 2, cent122 0",
      resourcesToRerun: [],
    });
    assert.equal(judgeSpread([...onOne, failed], brokers, [], balance).ok, false);
  }
  for (const balance of ["roundrobin", "leastconn", "static-rr", null, undefined]) {
    assert.equal(judgeSpread(onOne, brokers, [], balance).ok, false);
  }
});
