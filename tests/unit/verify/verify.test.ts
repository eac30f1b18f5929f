/** What verify reads from the stack's outputs, and how it says what it found. */
import assert from "node:assert/strict";
import test from "node:test";
import { summary } from "../../../cli/up.ts";
import { because } from "../../../verify/cause.ts";
import {
  broken,
  type Finding,
  look,
  Refusal,
  unmendable,
  unreachable,
  verdict,
  whole,
} from "../../../verify/finding.ts";
import { readOutputs, type System } from "../../../verify/outputs.ts";
import { until } from "../../../verify/patience.ts";
import { table } from "../../../verify/table.ts";

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

test("pairs each host with its URL", () => {
  const system = read({});
  assert.equal(system?.brokers[0]?.url, "http://192.168.56.120:15672");
  assert.equal(system.balancers[0]?.url, "http://192.168.56.123:8100/rabbitmq-stats");
});

test("a stack without outputs is none to verify", () => {
  assert.equal(readOutputs("{}", "dev"), undefined);
});

test("says which outputs are missing or of another shape, and none of their values", () => {
  const fault = { adminPassword: 5, managementUrl: undefined, ssh: [{ name: "cent120", ...login }] };
  assert.throws(
    () => read(fault),
    (error: Error) => {
      assert.match(error.message, /stack dev are not those of a finished up; npm run up first/);
      for (const path of ["adminPassword", "managementUrl", "ssh.0.host"]) {
        assert.match(error.message, new RegExp(`^ {2}${path}: `, "m"));
      }
      return !error.message.includes("the key");
    },
  );
});

test("refuses lists that do not pair", () => {
  assert.throws(
    () => read({ statsUrls: [...outputs.statsUrls, ...outputs.statsUrls] }),
    /1 hosts and 2 statsUrls/,
  );
});

const findings: Finding[] = [
  { check: "members", subject: "cent120", ...whole("all") },
  {
    check: "holder",
    subject: "virtual address",
    ...broken("two\n  lines", "a-service", "b-service", "a-service"),
  },
];

test("the table is aligned, and a detail stays on its line", () => {
  assert.equal(
    table(findings),
    [
      "check    on               result  to re-run             detail",
      "members  cent120          ok      -                     all",
      "holder   virtual address  FAILED  a-service, b-service  two lines",
    ].join("\n"),
  );
});

test("a check that throws is a finding, with what the refusal names for a re-run", async () => {
  const refused = await look("c", "s", ["x-service"], () =>
    Promise.reject(new Refusal("no", "cluster-admin")),
  );
  assert.deepEqual(refused, { check: "c", subject: "s", ...broken("no", "cluster-admin") });
  const unheard = await look("c", "s", ["x-service"], () => Promise.reject(new Error("gone\n  at stack")));
  assert.deepEqual(unheard, { check: "c", subject: "s", ...broken("gone", "x-service") });
});

test("one verdict has the resources, the advice and the lost hosts of all complaints, each once", () => {
  const complaints = [
    broken("one", "a-service"),
    unmendable("two", "do this"),
    unmendable("three", "do this"),
    unreachable("cent120", "four"),
    broken("five", "a-service", "b-service"),
  ];
  assert.deepEqual(verdict(complaints, ""), {
    ...broken("one; two; three; four; five", "a-service", "b-service"),
    advice: "do this",
    unreachable: ["cent120"],
  });
});

test("a refusal says what a person has to do", async () => {
  const refusal = new Refusal("no");
  refusal.advice = "ask again";
  const refused = await look("c", "s", ["x-service"], () => Promise.reject(refusal));
  assert.deepEqual(refused, { check: "c", subject: "s", ...unmendable("no", "ask again") });
});

test("causes are words for a person", async () => {
  const refused = Object.assign(new Error("connect"), {
    code: "ECONNREFUSED",
    address: "10.0.0.1",
    port: 5672,
  });
  const words = "connection refused at 10.0.0.1:5672 (ECONNREFUSED)";
  assert.equal(because(refused), words);
  assert.equal(because(new TypeError("fetch failed", { cause: refused })), words);
  assert.equal(because(new AggregateError([refused, new Error("other")])), words);
  const late = await new Promise<unknown>((resolve) => {
    const signal = AbortSignal.timeout(1);
    signal.addEventListener("abort", () => {
      resolve(signal.reason);
    });
  });
  assert.equal(because(late), "no answer in time");
  assert.equal(because("text"), "text");
});

test("patience ends with the first good answer, and with the last bad one", async () => {
  let asked = 0;
  const ask = (): Promise<number> => Promise.resolve((asked += 1));
  assert.equal(await until({ seconds: 5, between: 1 }, ask, (answer) => answer === 3), 3);
  const started = performance.now();
  await until({ seconds: 0.05, between: 10 }, ask, () => false);
  assert.ok(performance.now() - started < 1000);
});

test("the summary has every address and no password", () => {
  const system = read({});
  assert.ok(system);
  const lab = summary(system, "dev", true);
  for (const url of [outputs.managementUrl, ...outputs.managementUrls, ...outputs.statsUrls]) {
    assert.ok(lab.includes(url), url);
  }
  assert.match(lab, /amqp:\/\/192\.168\.56\.100:5673$/m);
  assert.match(lab, /podman exec -it cent120 bash/);
  assert.doesNotMatch(lab, /w0rd/);
  const given = summary(system, "prod", false);
  assert.doesNotMatch(given, /podman/);
  assert.match(given, /npm run destroy -- --stack prod/);
  assert.match(given, /npm run up -- --repair --stack prod/);
});
