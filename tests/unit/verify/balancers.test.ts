/** What verify makes of HAProxy's statistics. */
import assert from "node:assert/strict";
import test from "node:test";
import { judgeServers, parseServers, type Server } from "../../../verify/balancers.ts";

const csv = `# pxname,svname,qcur,status,check_desc,
rabbitmq_cluster,FRONTEND,,OPEN,,
rabbitmq_cluster,cent120,0,UP,"Layer4 check passed",
rabbitmq_cluster,cent121,0,DOWN,"refused, said ""no""",
rabbitmq_cluster,BACKEND,0,UP,,
stats,FRONTEND,,OPEN,,
`;

const servers = (status: Record<string, string>): Server[] =>
  ["rabbitmq_cluster", "rabbitmq_management"].flatMap((proxy) =>
    Object.entries(status).map(([name, word]) => ({ proxy, name, status: word })),
  );
const brokers = ["cent120", "cent121"];

test("reads the servers of each proxy, commas and quotes in quotes", () => {
  assert.deepEqual(parseServers(csv), [
    { proxy: "rabbitmq_cluster", name: "cent120", status: "UP" },
    { proxy: "rabbitmq_cluster", name: "cent121", status: "DOWN" },
  ]);
});

test("a column behind a quoted one is still the right one", () => {
  const text = '# pxname,svname,last_chk,status\nrabbitmq_cluster,cent120,"a, ""b"", c",UP\n';
  assert.deepEqual(parseServers(text), [{ proxy: "rabbitmq_cluster", name: "cent120", status: "UP" }]);
});

test("reads lines that end as in a file of Windows", () => {
  assert.equal(parseServers(csv.replaceAll("\n", "\r\n")).length, 2);
});

test("refuses what is no statistics", () => {
  assert.throws(() => parseServers("<html>"), /is not HAProxy's statistics/);
  assert.throws(() => parseServers("# pxname,svname\na,b\n"), /is not HAProxy's statistics/);
  assert.throws(() => parseServers(""), /is not HAProxy's statistics/);
});

test("all up is whole, also one that is in doubt and still serves", () => {
  assert.deepEqual(judgeServers(servers({ cent120: "UP", cent121: "UP 1/2" }), brokers, "cent123"), {
    whole: true,
    detail: "2 of 2 UP in rabbitmq_cluster and rabbitmq_management",
    rerun: [],
  });
});

for (const status of ["DOWN", "DOWN 1/2", "MAINT", "NOLB", "no check", "UPWARD"]) {
  test(`${status} is not up`, () => {
    const judged = judgeServers(servers({ cent120: "UP", cent121: status }), brokers, "cent123");
    assert.equal(judged.whole, false);
    assert.match(judged.detail, new RegExp(`rabbitmq_cluster: cent121 is ${status}, expected UP`));
    // What was said to the running HAProxy is not in its files, so that no resource mends it.
    assert.deepEqual(judged.rerun, status.startsWith("DOWN") ? ["cent121-service"] : []);
    if (!status.startsWith("DOWN"))
      assert.match(judged.advice ?? "", /systemctl reload haproxy" on cent123$/);
  });
}

test("a broker of which only the management is down lacks its plugin", () => {
  const [first, second] = [
    servers({ cent120: "UP", cent121: "UP" }),
    servers({ cent120: "UP", cent121: "DOWN" }),
  ];
  const half = [...first.slice(0, 2), ...second.slice(2)];
  assert.deepEqual(judgeServers(half, brokers, "cent123"), {
    whole: false,
    detail: "rabbitmq_management: cent121 is DOWN, expected UP",
    rerun: ["cent121-plugins"],
  });
});

test("a broker of which only AMQP is down is no matter of a resource", () => {
  const [first, second] = [
    servers({ cent120: "UP", cent121: "DOWN" }),
    servers({ cent120: "UP", cent121: "UP" }),
  ];
  const half = [...first.slice(0, 2), ...second.slice(2)];
  const { rerun, advice } = judgeServers(half, brokers, "cent123");
  assert.deepEqual(rerun, []);
  assert.match(advice ?? "", /^look at cent121: drained, it serves again/);
});

test("names a broker that a proxy lacks, and a server that is no broker", () => {
  const judged = judgeServers(servers({ cent120: "UP", old: "UP" }), brokers, "cent123");
  assert.equal(judged.whole, false);
  assert.match(judged.detail, /rabbitmq_cluster lacks cent121; rabbitmq_cluster has old, which is no broker/);
  assert.deepEqual(judged.rerun, ["haproxy-cent123-service"]);
});

test("names a proxy that is not there", () => {
  const one = servers({ cent120: "UP", cent121: "UP" }).filter(({ proxy }) => proxy === "rabbitmq_cluster");
  assert.equal(judgeServers(one, brokers, "cent123").detail, "rabbitmq_management has no servers");
});
