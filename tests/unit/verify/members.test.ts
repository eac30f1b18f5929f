/** How verify judges what the brokers report of the cluster. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  judgeAlarms,
  judgeFeatureFlags,
  judgeMembers,
  judgeClusterName,
  judgePartitions,
  judgePolicy,
  judgeUsers,
  type NodeRow,
} from "../../../verify/checks/members.ts";

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

test("three running members pass the check, and the detail lists their types", () => {
  assert.deepEqual(judgeMembers(rows, names, types), {
    ok: true,
    detail: "cent120 disc, cent121 disc, cent122 disc",
    resourcesToRerun: [],
  });
});

test("a ram node passes the check when it reports itself as ram", () => {
  const ram = [row("cent120"), row("cent121", { type: "ram" }), row("cent122")];
  const ownTypes = new Map([...types, ["cent121", "ram"]]);
  assert.equal(judgeMembers(ram, names, ownTypes).detail, "cent120 disc, cent121 ram, cent122 disc");
});

test("a broker that is not a member is reported", () => {
  assert.deepEqual(judgeMembers([row("cent120"), row("cent122")], names, types), {
    ok: false,
    detail: "cent121 is not a member",
    resourcesToRerun: ["cent121-member"],
  });
});

test("a member that does not run is reported", () => {
  const down = [row("cent120"), row("cent121"), { name: "rabbit@cent122", running: false, type: "disc" }];
  assert.deepEqual(judgeMembers(down, names, types), {
    ok: false,
    detail: "cent122 does not run",
    resourcesToRerun: ["cent122-service"],
  });
});

test("a broker whose listed type differs from its own is reported", () => {
  assert.deepEqual(judgeMembers(rows, names, new Map([...types, ["cent121", "ram"]])), {
    ok: false,
    detail: "cent121 is listed as type disc, but reports itself as ram",
    resourcesToRerun: ["cent121-member"],
  });
});

test("a member that is not one of the stack's brokers is reported", () => {
  const { ok, detail, advice } = judgeMembers([...rows, row("other")], names, types);
  assert.match(advice ?? "", /forget_cluster_node rabbit@other/);
  assert.equal(ok, false);
  assert.equal(detail, "other is a member but not one of the stack's brokers");
});

test("the check passes without partitions", () => {
  assert.equal(judgePartitions(rows).ok, true);
});

test("both sides of a partition are reported", () => {
  const cut = [row("cent120"), row("cent121", { partitions: ["rabbit@cent120", "rabbit@cent122"] })];
  assert.deepEqual(judgePartitions(cut), {
    ok: false,
    detail: "cent121 is cut off from cent120, cent122, expected no partition",
    resourcesToRerun: [],
    advice:
      "repair the network between cent121 and cent120, cent122; if it works, restart rabbitmq-server on cent121",
  });
});

test("a running node without statistics fails the partitions check; one that is down does not", () => {
  const silent = { name: "rabbit@cent120", running: true, type: "disc" };
  assert.equal(judgePartitions([silent]).ok, false);
  assert.equal(judgePartitions([{ ...silent, running: false }]).ok, true);
});

test("each alarm is reported once", () => {
  assert.equal(judgeAlarms({ status: "ok" }).ok, true);
  const alarms = [{ resource: "memory" }, { resource: "disk" }, { resource: "memory" }];
  const judged = judgeAlarms({ status: "failed", reason: "There are alarms", alarms });
  const { ok, detail, resourcesToRerun, advice } = judged;
  assert.equal(ok, false);
  assert.deepEqual(resourcesToRerun, []);
  assert.match(advice ?? "", /^free memory and disk on the host/);
  assert.match(detail, /^alarm in force: memory, disk;/);
  assert.equal(judgeAlarms({ status: "failed", reason: "something else" }).detail, "something else");
});

test("both cluster names are reported where they differ", () => {
  assert.equal(judgeClusterName("a", "a").ok, true);
  assert.deepEqual(judgeClusterName("rabbit@cent120", "rabbitmq_cluster1"), {
    ok: false,
    detail: 'found "rabbit@cent120", expected "rabbitmq_cluster1"',
    resourcesToRerun: ["cluster-name"],
  });
});

test("a broker that lacks a feature flag of another one is reported", () => {
  const flags = (quorum: string) => [
    { name: "quorum_queue", state: quorum },
    { name: "khepri_db", state: "disabled" },
  ];
  const views = (first: string) =>
    new Map(names.map((name, i) => [name, flags(i === 0 ? first : "enabled")]));
  assert.deepEqual(judgeFeatureFlags(views("enabled")), {
    ok: true,
    detail: "1 enabled; disabled: khepri_db",
    resourcesToRerun: [],
  });
  assert.deepEqual(judgeFeatureFlags(views("disabled")), {
    ok: false,
    detail: "cent120 lacks the flag quorum_queue, which is enabled on cent121, cent122",
    resourcesToRerun: ["cent120-member"],
  });
});

const policy = {
  name: "ha-all",
  pattern: "^",
  definition: { "ha-mode": "all", "ha-sync-mode": "automatic" },
};
const set = { vhost: "/", ...policy };

test("the policy passes the check whatever the order of its keys", () => {
  const reordered = { "ha-sync-mode": "automatic", "ha-mode": "all" };
  assert.equal(judgePolicy([{ ...set, definition: reordered }], policy).ok, true);
});

test("a missing policy is reported with the policies that exist", () => {
  assert.equal(judgePolicy([], policy).detail, "the policy ha-all is missing; found: none");
  const found = judgePolicy([{ ...set, name: "other" }], policy);
  assert.deepEqual(found, {
    ok: false,
    detail: "the policy ha-all is missing; found: other",
    resourcesToRerun: ["mirror-policy-set"],
  });
});

test("a policy of another virtual host does not count", () => {
  assert.equal(judgePolicy([{ ...set, vhost: "other" }], policy).ok, false);
});

test("a different pattern, and a missing or extra key in the definition, are reported", () => {
  assert.equal(judgePolicy([{ ...set, pattern: "^x" }], policy).detail, "pattern ^x, expected ^");
  const few = judgePolicy([{ ...set, definition: { "ha-mode": "all" } }], policy);
  assert.equal(
    few.detail,
    'definition {"ha-mode":"all"}, expected {"ha-mode":"all","ha-sync-mode":"automatic"}',
  );
  assert.equal(judgePolicy([{ ...set, definition: { ...policy.definition, expires: 1 } }], policy).ok, false);
});

test("the user guest fails the check, unless it is the administrator", () => {
  assert.equal(judgeUsers(["admin"], ["admin"]).ok, true);
  assert.equal(judgeUsers(["admin", "guest"], ["admin"]).ok, false);
  assert.equal(judgeUsers(["guest"], ["guest"]).ok, true);
  assert.equal(judgeUsers(["ops"], ["ops", "admin"]).ok, false);
});
