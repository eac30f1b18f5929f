/** What verify makes of the brokers' words. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  judgeAlarms,
  judgeFeatures,
  judgeMembers,
  judgeName,
  judgePartitions,
  judgePolicy,
  judgeUsers,
  type NodeRow,
} from "../../../verify/members.ts";

const names = ["cent120", "cent121", "cent122"];
const row = (name: string, over: Partial<NodeRow> = {}): NodeRow => ({
  name: `rabbit@${name}`,
  running: true,
  type: "disc",
  partitions: [],
  ...over,
});
const rows = names.map((name) => row(name));
const types = new Map([
  ["cent120", "disc"],
  ["cent121", "disc"],
  ["cent122", "disc"],
]);

test("three running members of one type are whole, and their types are told", () => {
  assert.deepEqual(judgeMembers(rows, names, types), {
    whole: true,
    detail: "cent120 disc, cent121 disc, cent122 disc",
    rerun: [],
  });
});

test("ram nodes are whole where everyone says so", () => {
  const ram = [row("cent120"), row("cent121", { type: "ram" }), row("cent122")];
  const told = new Map([...types, ["cent121", "ram"]]);
  assert.equal(judgeMembers(ram, names, told).detail, "cent120 disc, cent121 ram, cent122 disc");
});

test("names a broker that is no member", () => {
  assert.deepEqual(judgeMembers([row("cent120"), row("cent122")], names, types), {
    whole: false,
    detail: "cent121 is no member",
    rerun: ["cent121-member"],
  });
});

test("names a member that does not run", () => {
  const down = [row("cent120"), row("cent121"), { name: "rabbit@cent122", running: false, type: "disc" }];
  assert.deepEqual(judgeMembers(down, names, types), {
    whole: false,
    detail: "cent122 does not run",
    rerun: ["cent122-service"],
  });
});

test("names a broker of which two brokers say different types", () => {
  assert.deepEqual(judgeMembers(rows, names, new Map([...types, ["cent121", "ram"]])), {
    whole: false,
    detail: "cent121 is listed as disc and calls itself ram",
    rerun: ["cent121-member"],
  });
});

test("names a member that is not the stack's", () => {
  const { whole, detail, advice } = judgeMembers([...rows, row("other")], names, types);
  assert.match(advice ?? "", /forget_cluster_node rabbit@other/);
  assert.equal(whole, false);
  assert.equal(detail, "other is a member and not among the stack's brokers");
});

test("no partition is whole", () => {
  assert.equal(judgePartitions(rows).whole, true);
});

test("names both sides of a partition", () => {
  const cut = [row("cent120"), row("cent121", { partitions: ["rabbit@cent120", "rabbit@cent122"] })];
  assert.deepEqual(judgePartitions(cut), {
    whole: false,
    detail: "cent121 is cut off from cent120, cent122, expected no partition",
    rerun: [],
    advice:
      "heal the network between cent121 and cent120, cent122; where it is well, restart rabbitmq-server on cent121",
  });
});

test("a running node that says nothing of partitions is not whole, one that is down is the members' matter", () => {
  const silent = { name: "rabbit@cent120", running: true, type: "disc" };
  assert.equal(judgePartitions([silent]).whole, false);
  assert.equal(judgePartitions([{ ...silent, running: false }]).whole, true);
});

test("names each alarm once", () => {
  assert.equal(judgeAlarms({ status: "ok" }).whole, true);
  const alarms = [{ resource: "memory" }, { resource: "disk" }, { resource: "memory" }];
  const judged = judgeAlarms({ status: "failed", reason: "There are alarms", alarms });
  const { whole, detail, rerun, advice } = judged;
  assert.equal(whole, false);
  assert.deepEqual(rerun, []);
  assert.match(advice ?? "", /^free memory and disk on the host/);
  assert.match(detail, /^alarm in force: memory, disk;/);
  assert.equal(judgeAlarms({ status: "failed", reason: "something else" }).detail, "something else");
});

test("names both cluster names where they differ", () => {
  assert.equal(judgeName("a", "a").whole, true);
  assert.deepEqual(judgeName("rabbit@cent120", "rabbitmq_cluster1"), {
    whole: false,
    detail: 'found "rabbit@cent120", expected "rabbitmq_cluster1"',
    rerun: ["cluster-name"],
  });
});

test("names the broker that lacks a feature flag of another one", () => {
  const flags = (quorum: string) => [
    { name: "quorum_queue", state: quorum },
    { name: "khepri_db", state: "disabled" },
  ];
  const views = (first: string) =>
    new Map(names.map((name, i) => [name, flags(i === 0 ? first : "enabled")]));
  assert.deepEqual(judgeFeatures(views("enabled")), {
    whole: true,
    detail: "1 enabled; disabled: khepri_db",
    rerun: [],
  });
  assert.deepEqual(judgeFeatures(views("disabled")), {
    whole: false,
    detail: "cent120 lacks quorum_queue, which cent121, cent122 has",
    rerun: ["cent120-member"],
  });
});

const policy = {
  name: "ha-all",
  pattern: "^",
  definition: { "ha-mode": "all", "ha-sync-mode": "automatic" },
};
const set = { vhost: "/", ...policy };

test("the policy may have its keys in any order", () => {
  const turned = { "ha-sync-mode": "automatic", "ha-mode": "all" };
  assert.equal(judgePolicy([{ ...set, definition: turned }], policy).whole, true);
});

test("names a missing policy and what there is instead", () => {
  assert.equal(judgePolicy([], policy).detail, "no policy ha-all; there is none at all");
  const found = judgePolicy([{ ...set, name: "other" }], policy);
  assert.deepEqual(found, {
    whole: false,
    detail: "no policy ha-all; there is other",
    rerun: ["mirror-policy-set"],
  });
});

test("a policy of another virtual host is not ours", () => {
  assert.equal(judgePolicy([{ ...set, vhost: "other" }], policy).whole, false);
});

test("names another pattern, and one key too few or too many in the definition", () => {
  assert.equal(judgePolicy([{ ...set, pattern: "^x" }], policy).detail, "pattern ^x, expected ^");
  const few = judgePolicy([{ ...set, definition: { "ha-mode": "all" } }], policy);
  assert.equal(
    few.detail,
    'definition {"ha-mode":"all"}, expected {"ha-mode":"all","ha-sync-mode":"automatic"}',
  );
  assert.equal(
    judgePolicy([{ ...set, definition: { ...policy.definition, expires: 1 } }], policy).whole,
    false,
  );
});

test("guest is one too many, unless it is the administrator", () => {
  assert.equal(judgeUsers(["admin"], "admin").whole, true);
  assert.equal(judgeUsers(["admin", "guest"], "admin").whole, false);
  assert.equal(judgeUsers(["guest"], "guest").whole, true);
});
