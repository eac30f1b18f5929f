/** What verify asks the management API of queues and policies, and that it takes the answers of each version. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, test } from "node:test";
import { examineBrokers } from "../../../verify/checks/brokers.ts";
import type { Finding } from "../../../verify/finding.ts";
import { type ClusterClient, createClusterClient } from "../../../verify/management.ts";
import type { System } from "../../../verify/outputs.ts";
import { examinePolicies } from "../../../verify/checks/policies.ts";

let server: Server;
let url = "";
/** By path, without its parameters; a function makes its answer anew. What is absent is answered with 404. */
let answers: Readonly<Record<string, unknown>> = {};
let asked: string[] = [];

before(async () => {
  server = createServer((request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    asked.push(request.url ?? "");
    const answer = answers[path];
    if (answer === undefined) response.statusCode = 404;
    response.end(JSON.stringify((typeof answer === "function" ? (answer as () => unknown)() : answer) ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? (address?.port ?? 0) : 0}`;
});
after(() => server.close());

const definition = { "ha-mode": "all" };
const policy = { vhost: "/", name: "ha-all", pattern: "^", "apply-to": "all", definition, priority: 0 };

function cluster(over: Partial<System> = {}): ClusterClient {
  const brokers = ["cent120", "cent121", "cent122"].map((name) => ({ name, address: "", url }));
  const system = {
    brokers,
    adminUser: "a",
    adminPassword: "b",
    policy: { name: "ha-all", pattern: "^", definition },
    ...over,
  };
  return createClusterClient(system as unknown as System);
}

function examine(over: Readonly<Record<string, unknown>>): Promise<Finding[]> {
  asked = [];
  answers = {
    "/api/cluster-name": { name: "c" },
    "/api/policies": [policy],
    "/api/operator-policies": [],
    "/api/queues": [],
    ...over,
  };
  return examinePolicies(cluster());
}

test("the queues are asked for once, without the statistics, which are late and costly", async () => {
  const findings = await examine({});
  assert.deepEqual(
    findings.map(({ check, subject, ok }) => [check, subject, ok]),
    [
      ["policy", "all queues", true],
      ["members", "quorum queues", true],
    ],
  );
  const queues = asked.filter((path) => path.startsWith("/api/queues"));
  assert.equal(queues.length, 1);
  assert.match(queues[0] ?? "", /[?&]disable_stats=true(&|$)/);
});

test("answers of RabbitMQ 3.8 to 4, and fields of an unknown form, are taken", async () => {
  const rows = [
    {
      name: "3.10",
      vhost: "/",
      exclusive: false,
      policy: "ha-all",
      arguments: {},
      slave_nodes: ["rabbit@cent121"],
    },
    { name: "none", vhost: "/", type: "classic", arguments: [], policy: null },
    {
      name: "4",
      vhost: "/",
      type: "quorum",
      policy: "",
      members: ["cent120", "cent121", "cent122"].map((n) => `rabbit@${n}`),
    },
    {
      name: "5",
      vhost: "/",
      type: { of: "another form" },
      members: "x",
      slave_nodes: "",
      state: 1,
      policy: [],
    },
  ];
  assert.ok((await examine({ "/api/queues": rows })).every(({ ok }) => ok));
});

test("what is not answered fails the checks that need it, and no other", async () => {
  const [policies, members] = await examine({ "/api/operator-policies": undefined });
  assert.deepEqual([policies?.ok, members?.ok], [false, true]);
  assert.match(policies?.detail ?? "", /^HTTP 404 for \/api\/operator-policies/);
  const noQueues = await examine({ "/api/queues": undefined });
  assert.deepEqual(
    noQueues.map(({ ok }) => ok),
    [false, false],
  );
});

/** The nodes as all brokers list them, with these plug-ins enabled. */
const nodes = (...plugins: string[]): object[] =>
  ["cent120", "cent121", "cent122"].map((name) => ({
    name: `rabbit@${name}`,
    running: true,
    type: "disc",
    partitions: [],
    enabled_plugins: plugins,
    applications: plugins.map((plugin) => ({ name: plugin, version: "1" })),
    net_ticktime: 5,
  }));
const expected = {
  plugins: ["rabbitmq_management"],
  netTickTime: 5,
  partitionHandling: "ignore",
  agentCheck: false,
};
const settings = (findings: readonly Finding[]): boolean[] =>
  findings.filter(({ check }) => check === "settings").map(({ ok }) => ok);

test("a plug-in that was just enabled is no finding, although the statistics do not show it yet", async () => {
  // What a node has noted 5 s ago is collected up to 5 s later.
  const shown = performance.now() + 9500;
  answers = {
    "/api/cluster-name": { name: "c" },
    "/api/nodes": () => nodes(...(performance.now() > shown ? ["rabbitmq_management"] : [])),
  };
  assert.deepEqual(settings(await examineBrokers(cluster({ expected }))), [true, true, true]);
});

test("a stack that an earlier release made has nothing to compare the settings with", async () => {
  answers = { "/api/cluster-name": { name: "c" }, "/api/nodes": nodes() };
  assert.deepEqual(settings(await examineBrokers(cluster())), []);
});
