/** How verify reads and judges HAProxy's statistics. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeServers, parseServers, type Server } from "../../../verify/checks/balancers.ts";

const csv = `# pxname,svname,qcur,status,check_desc,
rabbitmq_cluster,FRONTEND,,OPEN,,
rabbitmq_cluster,cent120,0,UP,"Layer4 check passed",
rabbitmq_cluster,cent121,0,DOWN,"refused, said ""no""",
rabbitmq_cluster,BACKEND,0,UP,,
stats,FRONTEND,,OPEN,,
`;

const servers = (status: Record<string, string>): Server[] =>
  ["rabbitmq_cluster", "rabbitmq_management"].flatMap((proxy) =>
    Object.entries(status).map(([name, value]) => ({ proxy, name, status: value })),
  );
const brokers = ["cent120", "cent121"];

test("parseServers reads each proxy's servers, also with commas and quotes in quoted fields", () => {
  assert.deepEqual(parseServers(csv), [
    { proxy: "rabbitmq_cluster", name: "cent120", status: "UP" },
    { proxy: "rabbitmq_cluster", name: "cent121", status: "DOWN" },
  ]);
});

test("parseServers finds a column that follows a quoted one", () => {
  const text = '# pxname,svname,last_chk,status\nrabbitmq_cluster,cent120,"a, ""b"", c",UP\n';
  assert.deepEqual(parseServers(text), [{ proxy: "rabbitmq_cluster", name: "cent120", status: "UP" }]);
});

test("parseServers reads lines that end with CR LF", () => {
  assert.equal(parseServers(csv.replaceAll("\n", "\r\n")).length, 2);
});

test("parseServers throws on a text that is not HAProxy's statistics", () => {
  assert.throws(() => parseServers("<html>"), /is not HAProxy's statistics/);
  assert.throws(() => parseServers("# pxname,svname\na,b\n"), /is not HAProxy's statistics/);
  assert.throws(() => parseServers(""), /is not HAProxy's statistics/);
});

test("the check passes when all servers are up, including one that is UP 1/2", () => {
  assert.deepEqual(judgeServers(servers({ cent120: "UP", cent121: "UP 1/2" }), brokers, "cent123"), {
    ok: true,
    detail: "2 of 2 UP in rabbitmq_cluster and rabbitmq_management",
    resourcesToRerun: [],
  });
});

for (const status of ["DOWN", "DOWN 1/2", "MAINT", "NOLB", "no check", "UPWARD"]) {
  test(`a server with status ${status} fails the check`, () => {
    const judged = judgeServers(servers({ cent120: "UP", cent121: status }), brokers, "cent123");
    assert.equal(judged.ok, false);
    assert.match(judged.detail, new RegExp(`rabbitmq_cluster: cent121 is ${status}, expected UP`));
    // A status other than DOWN was set at runtime and is not in HAProxy's files, so no resource can repair it.
    assert.deepEqual(judged.resourcesToRerun, status.startsWith("DOWN") ? ["cent121-service"] : []);
    if (!status.startsWith("DOWN"))
      assert.match(judged.advice ?? "", /systemctl reload haproxy" on cent123$/);
  });
}

test("a broker whose management alone is down gets its plugins resource re-run", () => {
  const [first, second] = [
    servers({ cent120: "UP", cent121: "UP" }),
    servers({ cent120: "UP", cent121: "DOWN" }),
  ];
  const half = [...first.slice(0, 2), ...second.slice(2)];
  assert.deepEqual(judgeServers(half, brokers, "cent123"), {
    ok: false,
    detail: "rabbitmq_management: cent121 is DOWN, expected UP",
    resourcesToRerun: ["cent121-plugins"],
  });
});

test("a broker whose AMQP alone is down needs the operator and no re-run", () => {
  const [first, second] = [
    servers({ cent120: "UP", cent121: "DOWN" }),
    servers({ cent120: "UP", cent121: "UP" }),
  ];
  const half = [...first.slice(0, 2), ...second.slice(2)];
  const { resourcesToRerun, advice } = judgeServers(half, brokers, "cent123");
  assert.deepEqual(resourcesToRerun, []);
  assert.match(advice ?? "", /^check cent121: if it is drained, run/);
});

test("a missing broker and a server that is not a broker are reported", () => {
  const judged = judgeServers(servers({ cent120: "UP", old: "UP" }), brokers, "cent123");
  assert.equal(judged.ok, false);
  assert.match(
    judged.detail,
    /rabbitmq_cluster lacks cent121; rabbitmq_cluster has old, which is not one of the brokers/,
  );
  assert.deepEqual(judged.resourcesToRerun, ["haproxy-cent123-service"]);
});

test("a missing proxy is reported", () => {
  const one = servers({ cent120: "UP", cent121: "UP" }).filter(({ proxy }) => proxy === "rabbitmq_cluster");
  assert.equal(judgeServers(one, brokers, "cent123").detail, "rabbitmq_management has no servers");
});

test("an agent check that is not answered is reported, with the broker's own resource for it", () => {
  const text =
    "# pxname,svname,status,agent_status\nrabbitmq_cluster,cent120,UP,* L4CON\nrabbitmq_cluster,cent121,UP,L7OK\n" +
    "rabbitmq_management,cent120,UP,\nrabbitmq_management,cent121,UP,\n";
  assert.deepEqual(judgeServers(parseServers(text), brokers, "cent123"), {
    ok: false,
    detail: "rabbitmq_cluster: the agent check of cent120 is not answered (* L4CON)",
    resourcesToRerun: ["cent120-agent-service"],
  });
  assert.equal(judgeServers(parseServers(text.replace("* L4CON", "L7OK")), brokers, "cent123").ok, true);
  // A broker that is down answers no check, and is reported as down.
  const down = judgeServers(parseServers(text.replace("UP,*", "DOWN,*")), brokers, "cent123");
  assert.doesNotMatch(down.detail, /agent check/);
});

test("a broker that its host has taken out for an alarm needs the alarm cleared, not a reload", () => {
  const judged = judgeServers(servers({ cent120: "UP", cent121: "DRAIN (agent)" }), brokers, "cent123");
  assert.equal(judged.advice, "clear the alarm of cent121, which its host reports");
});

test("a protocol of a plug-in has to have every broker, and leaves their state to AMQP's row", () => {
  const proxies = ["rabbitmq_cluster", "rabbitmq_management", "rabbitmq_mqtt"];
  const lacking = servers({ cent120: "UP", cent121: "UP" });
  assert.match(judgeServers(lacking, brokers, "cent123", proxies).detail, /rabbitmq_mqtt has no servers/);
  const down = brokers.map((name) => ({
    proxy: "rabbitmq_mqtt",
    name,
    status: name === "cent121" ? "DOWN" : "UP",
  }));
  const { detail } = judgeServers(
    [...servers({ cent120: "UP", cent121: "DOWN" }), ...down],
    brokers,
    "cent123",
    proxies,
  );
  assert.match(detail, /rabbitmq_cluster: cent121 is DOWN/);
  assert.doesNotMatch(detail, /mqtt/);
});
