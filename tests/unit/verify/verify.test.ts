/** How verify reads the stack's outputs and reports its findings. */
import assert from "node:assert/strict";
import test from "node:test";
import { formatSummary } from "../../../cli/up.ts";
import { reasonOf } from "../../../verify/cause.ts";
import {
  fail,
  type Finding,
  runCheck,
  RefusalError,
  needsOperator,
  hostUnreachable,
  combineVerdicts,
  pass,
} from "../../../verify/finding.ts";
import { readOutputs, type System } from "../../../verify/outputs.ts";
import { pollUntil } from "../../../verify/polling.ts";
import { formatTable } from "../../../verify/table.ts";

const login = { port: 22, user: "root", privateKey: "the key", hostKey: "ssh-ed25519 AAAA" };
const outputs = {
  clusterName: "c",
  brokers: [{ name: "cent120", address: "192.168.56.120" }],
  balancers: [{ name: "cent123", address: "192.168.56.123" }],
  virtualAddress: "192.168.56.100",
  amqpUri: "amqp://admin:pass%2Fw0rd@192.168.56.100:5673",
  managementUrl: "http://192.168.56.100:15672",
  managementUrls: ["http://192.168.56.120:15672"],
  statsUrls: ["http://192.168.56.123:8100/rabbitmq-stats"],
  adminUser: "admin",
  adminPassword: "pass/w0rd",
  policy: { name: "ha-all", pattern: "^", definition: {} },
  ssh: [{ name: "cent120", host: "192.168.56.120", ...login }],
};
const read = (over: object): System | undefined =>
  readOutputs(JSON.stringify({ ...outputs, ...over }), "dev");

test("readOutputs gives each host its URL", () => {
  const system = read({});
  assert.equal(system?.brokers[0]?.url, "http://192.168.56.120:15672");
  assert.equal(system.balancers[0]?.url, "http://192.168.56.123:8100/rabbitmq-stats");
});

test("a stack whose last up was that of an earlier release says nothing of what is expected", () => {
  assert.equal(read({})?.expected, undefined);
  const expected = {
    plugins: ["rabbitmq_management"],
    netTickTime: 5,
    partitionHandling: "autoheal",
    agentCheck: true,
  };
  assert.deepEqual(read({ expected })?.expected, expected);
});

test("readOutputs knows the balancers' algorithm, unless an earlier release has made the outputs", () => {
  assert.equal(read({ balance: "source" })?.balance, "source");
  assert.equal(read({})?.balance, undefined);
});

test("readOutputs returns undefined for a stack without outputs", () => {
  assert.equal(readOutputs("{}", "dev"), undefined);
});

test("readOutputs lists the missing and malformed outputs without their values", () => {
  const fault = { adminPassword: 5, managementUrl: undefined, ssh: [{ name: "cent120", ...login }] };
  assert.throws(
    () => read(fault),
    (error: Error) => {
      assert.match(error.message, /stack dev are incomplete or malformed; run "npm run up" first/);
      for (const path of ["adminPassword", "managementUrl", "ssh.0.host"]) {
        assert.match(error.message, new RegExp(`^ {2}${path}: `, "m"));
      }
      return !error.message.includes("the key");
    },
  );
});

test("readOutputs throws when hosts and URLs differ in number", () => {
  assert.throws(
    () => read({ statsUrls: [...outputs.statsUrls, ...outputs.statsUrls] }),
    /1 hosts and 2 statsUrls/,
  );
});

const findings: Finding[] = [
  { check: "members", subject: "cent120", ...pass("all") },
  {
    check: "holder",
    subject: "virtual address",
    ...fail("two\n  lines", "a-service", "b-service", "a-service"),
  },
];

test("the table has aligned columns, and a detail stays on one line", () => {
  assert.equal(
    formatTable(findings),
    [
      "check    on               result  to re-run             detail",
      "members  cent120          ok      -                     all",
      "holder   virtual address  FAILED  a-service, b-service  two lines",
    ].join("\n"),
  );
});

test("a check that throws becomes a finding, with the refusal's resources to re-run", async () => {
  const refused = await runCheck("c", "s", ["x-service"], () =>
    Promise.reject(new RefusalError("no", "cluster-admin")),
  );
  assert.deepEqual(refused, { check: "c", subject: "s", ...fail("no", "cluster-admin") });
  const failed = await runCheck("c", "s", ["x-service"], () => Promise.reject(new Error("gone\n  at stack")));
  assert.deepEqual(failed, { check: "c", subject: "s", ...fail("gone", "x-service") });
});

test("the combined verdict has the resources, advice and unreachable hosts of all problems, each once", () => {
  const problems = [
    fail("one", "a-service"),
    needsOperator("two", "do this"),
    needsOperator("three", "do this"),
    hostUnreachable("cent120", "four"),
    fail("five", "a-service", "b-service"),
  ];
  assert.deepEqual(combineVerdicts(problems, ""), {
    ...fail("one; two; three; four; five", "a-service", "b-service"),
    advice: "do this",
    unreachableHosts: ["cent120"],
  });
});

test("a refusal can tell the operator what to do", async () => {
  const refusal = new RefusalError("no");
  refusal.advice = "ask again";
  const refused = await runCheck("c", "s", ["x-service"], () => Promise.reject(refusal));
  assert.deepEqual(refused, { check: "c", subject: "s", ...needsOperator("no", "ask again") });
});

test("errors are turned into readable reasons", async () => {
  const refused = Object.assign(new Error("connect"), {
    code: "ECONNREFUSED",
    address: "10.0.0.1",
    port: 5672,
  });
  const expected = "connection refused at 10.0.0.1:5672 (ECONNREFUSED)";
  assert.equal(reasonOf(refused), expected);
  assert.equal(reasonOf(new TypeError("fetch failed", { cause: refused })), expected);
  assert.equal(reasonOf(new AggregateError([refused, new Error("other")])), expected);
  const late = await new Promise<unknown>((resolve) => {
    const signal = AbortSignal.timeout(1);
    signal.addEventListener("abort", () => {
      resolve(signal.reason);
    });
  });
  assert.equal(reasonOf(late), "no answer in time");
  assert.equal(reasonOf("text"), "text");
});

test("polling returns the first good answer, or the last bad one at the deadline", async () => {
  const counter = () => {
    const asked = { times: 0, ask: () => Promise.resolve((asked.times += 1)) };
    return asked;
  };
  const good = counter();
  assert.equal(await pollUntil({ timeoutSeconds: 5, intervalMs: 1 }, good.ask, (answer) => answer >= 3), 3);
  assert.equal(good.times, 3);

  const bad = counter();
  const started = performance.now();
  const last = await pollUntil({ timeoutSeconds: 0.2, intervalMs: 10 }, bad.ask, () => false);
  assert.ok(bad.times > 1, `asked ${String(bad.times)} times`);
  assert.equal(last, bad.times);
  assert.ok(performance.now() - started < 1000);
});

test("the summary lists every address and no password", () => {
  const system = read({});
  assert.ok(system);
  const lab = formatSummary(system, "dev", true);
  for (const url of [outputs.managementUrl, ...outputs.managementUrls, ...outputs.statsUrls]) {
    assert.ok(lab.includes(url), url);
  }
  assert.match(lab, /amqp:\/\/192\.168\.56\.100:5673$/m);
  assert.match(lab, /podman exec -it cent120 bash/);
  assert.doesNotMatch(lab, /w0rd/);
  const given = formatSummary(system, "prod", false);
  assert.doesNotMatch(given, /podman/);
  assert.match(given, /npm run destroy -- --stack prod/);
  assert.match(given, /npm run up -- --repair --stack prod/);
});
