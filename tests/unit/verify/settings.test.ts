/** How verify judges what a broker runs with, and what the program on its host finds. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeSettings } from "../../../verify/checks/broker-settings.ts";
import {
  judgeFiles,
  judgeInterNode,
  judgeWatch,
  parseHostFindings,
} from "../../../verify/checks/host-findings.ts";

const expected = {
  plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
  netTickTime: 5,
  partitionHandling: "pause_minority",
};
const running = {
  enabled_plugins: ["rabbitmq_prometheus", "rabbitmq_management"],
  applications: ["rabbit", "rabbitmq_management", "rabbitmq_management_agent", "rabbitmq_prometheus"].map(
    (name) => ({ name }),
  ),
  net_ticktime: 5,
};

test("a broker with the configured plug-ins and tick time passes, whatever else it runs for them", () => {
  assert.deepEqual(judgeSettings("cent120", running, expected), {
    ok: true,
    detail: "plug-ins rabbitmq_management, rabbitmq_prometheus; tick time 5 s",
    resourcesToRerun: [],
  });
});

test("a plug-in that is not enabled, does not run, or is not configured re-runs the plug-ins", () => {
  const lacking = judgeSettings(
    "cent120",
    { ...running, enabled_plugins: ["rabbitmq_management"] },
    expected,
  );
  assert.deepEqual(lacking, {
    ok: false,
    detail: "rabbitmq_prometheus is not enabled",
    resourcesToRerun: ["cent120-plugins"],
  });
  const stopped = { ...running, applications: running.applications.slice(0, 3) };
  const ended = judgeSettings("cent120", stopped, expected);
  assert.equal(ended.detail, "rabbitmq_prometheus is enabled and does not run");
  assert.deepEqual(ended.resourcesToRerun, ["cent120-plugins"]);
  const more = { ...running, enabled_plugins: [...running.enabled_plugins, "rabbitmq_shovel"] };
  const added = judgeSettings("cent120", more, expected);
  assert.equal(added.detail, "rabbitmq_shovel is enabled and not in rabbitmq.plugins");
  assert.deepEqual(added.resourcesToRerun, ["cent120-plugins"]);
});

test("another tick time needs a restart, which is the operator's", () => {
  const { ok, detail, advice, resourcesToRerun } = judgeSettings(
    "cent120",
    { ...running, net_ticktime: 60 },
    expected,
  );
  assert.equal(ok, false);
  assert.equal(detail, "it runs with a tick time of 60 s, expected 5 s");
  assert.equal(advice, "restart rabbitmq-server on cent120, once all other brokers serve");
  assert.deepEqual(resourcesToRerun, []);
});

test("what a broker does not say of itself yet is no finding", () => {
  assert.equal(judgeSettings("cent120", {}, expected).ok, true);
  assert.equal(judgeSettings("cent120", { net_ticktime: ["ongoing_change_to", 60] }, expected).ok, true);
});

const host = (over: object = {}) =>
  parseHostFindings(`UnitFileState=enabled\nFindings=${JSON.stringify({ files: [], ...over })}\nWaits=yes\n`);

test("a host of an earlier release, and an answer that is none, are no finding", () => {
  for (const text of ["", "Beside=\n", "Findings=\n", "Findings={", 'Findings={"files":5}', "Findings=[]"]) {
    const found = parseHostFindings(text);
    assert.equal(found, undefined, text);
    assert.equal(judgeFiles("cent120", found).ok, true);
  }
  assert.match(judgeFiles("cent120", undefined).detail, /^not checked/);
});

test("each changed file is named with the resource that writes it", () => {
  assert.equal(judgeFiles("cent123", host()).ok, true);
  const files = [
    { path: "/etc/haproxy/haproxy.cfg", resource: "haproxy-cent123-config", fault: "differs" },
    { path: "/etc/haproxy/stats.cfg", resource: "haproxy-cent123-stats", fault: "is missing" },
  ];
  assert.deepEqual(judgeFiles("cent123", host({ files })), {
    ok: false,
    detail:
      "/etc/haproxy/haproxy.cfg differs from what haproxy-cent123-config wrote; " +
      "/etc/haproxy/stats.cfg is missing; haproxy-cent123-stats wrote it",
    resourcesToRerun: ["haproxy-cent123-config", "haproxy-cent123-service", "haproxy-cent123-stats"],
  });
  const rerun = (resource: string): readonly string[] =>
    judgeFiles("cent120", host({ files: [{ path: "/x", resource, fault: "differs" }] })).resourcesToRerun;
  // A broker that serves is not restarted, so its own service is not named.
  assert.deepEqual(rerun("cent120-config"), ["cent120-config"]);
  assert.deepEqual(rerun("cent120-data-unit"), ["cent120-data-unit"]);
  assert.deepEqual(rerun("cent120-watch-unit"), ["cent120-watch-unit", "cent120-watch-service"]);
  assert.deepEqual(rerun("cent120-agent-socket"), ["cent120-agent-socket", "cent120-agent-service"]);
  const address = "virtual-address-cent120";
  assert.deepEqual(rerun(`${address}-check`), [`${address}-check`, `${address}-service`]);
});

test("the cookie, which no step writes while its broker runs, is the operator's", () => {
  const files = [{ path: "/c", resource: "cent120-cookie", fault: "differs" }];
  const { ok, advice, resourcesToRerun } = judgeFiles("cent120", host({ files }));
  assert.equal(ok, false);
  assert.deepEqual(resourcesToRerun, []);
  assert.match(advice ?? "", /^stop rabbitmq-server on cent120, .* repair again/);
});

test("a broker that runs with other files than those on disk needs a restart, which is the operator's", () => {
  const { detail, advice, resourcesToRerun } = judgeFiles("cent120", host({ unread: true }));
  assert.equal(detail, "rabbitmq-server runs with other settings than those in its files");
  assert.match(advice ?? "", /^restart rabbitmq-server on cent120/);
  assert.deepEqual(resourcesToRerun, []);
  assert.equal(judgeFiles("cent120", host({ unread: false })).ok, true);
});

test("a broker that the others pass over is reported, with what the watch does about it", () => {
  const good = { passedOver: false, partitionHandling: "pause_minority" };
  assert.equal(judgeWatch("cent121", host(good) ?? {}, expected).ok, true);
  const { ok, detail, advice } = judgeWatch("cent121", host({ ...good, passedOver: true }) ?? {}, expected);
  assert.equal(ok, false);
  assert.equal(detail, "cent121 serves, and the others no longer tell it what they change");
  assert.match(
    advice ?? "",
    /^wait a minute for the watch on cent121 to restart it; .*restart rabbitmq-server there$/,
  );
  assert.equal(judgeWatch("cent121", { passedOver: true }, undefined).ok, false);
});

test("with Khepri no partition handling is expected, and a broker in a minority is reported", () => {
  const khepri = { passedOver: null, partitionHandling: "khepri", hasMajority: true };
  const judged = judgeWatch("cent121", host(khepri) ?? {}, expected);
  assert.deepEqual(
    [judged.ok, judged.detail],
    [true, "its broker has a majority of the cluster's members; Khepri"],
  );
  const { ok, detail, advice } = judgeWatch(
    "cent121",
    host({ ...khepri, hasMajority: false }) ?? {},
    expected,
  );
  assert.equal(ok, false);
  assert.match(
    detail,
    /^no majority of the cluster's members answers cent121: nothing can be declared or changed there, and it accepts no/,
  );
  assert.match(advice ?? "", /^start the others; .*stop-and-start/);
});

test("another way to handle a partition than the configured one is reported", () => {
  const judged = judgeWatch("cent121", { partitionHandling: "ignore" }, expected);
  assert.equal(judged.detail, "cent121 runs with cluster_partition_handling ignore, expected pause_minority");
  assert.match(judged.advice ?? "", /^restart rabbitmq-server on cent121/);
  assert.equal(judgeWatch("cent121", { partitionHandling: "ignore" }, undefined).ok, true);
  for (const unknown of [{}, { partitionHandling: null, passedOver: null }])
    assert.equal(judgeWatch("cent121", unknown, expected).ok, true);
});

test("a broker that speaks otherwise than the others re-runs the step that mends it", () => {
  const judge = (is: boolean | null, byTls: boolean) =>
    judgeInterNode("cent120", host({ interNodeTls: is }), byTls);
  assert.deepEqual(judge(false, true), {
    ok: false,
    detail: "speaks without TLS with the other brokers, expected by TLS",
    resourcesToRerun: ["cent120-inter-node"],
  });
  assert.deepEqual(judge(true, false).resourcesToRerun, ["cent120-inter-node"]);
  for (const [is, byTls] of [
    [true, true],
    [false, false],
    [null, true],
  ] as const)
    assert.equal(judge(is, byTls).ok, true);
  assert.equal(judgeInterNode("cent120", undefined, true).ok, true);
});

test("a broker that a full stop keeps from starting names the command that completes it", () => {
  const found = host({ interNodeTls: null, isFullStop: true });
  assert.deepEqual(judgeInterNode("cent120", found, false), {
    ok: false,
    detail: "a full stop is under way, so cent120's broker does not start",
    resourcesToRerun: [],
    advice: "complete it: npm run up -- --full-stop",
  });
});
