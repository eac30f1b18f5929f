/** A full stop: what is refused before it, what becomes of one that cannot go on, and one that is killed at any point. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { commandOf, type Action, type Act, type HostAnswer } from "../../../cli/full-stop/hosts.ts";
import { extractFullStop } from "../../../cli/full-stop.ts";
import { carryOut, describePlan, planFor, type FullStop } from "../../../cli/full-stop/run.ts";
import { parseUpOptions } from "../../../cli/up.ts";
import { SshError } from "../../../remote/ssh.ts";
import type { Login } from "../../../verify/outputs.ts";

const names = ["mq1", "mq2", "mq3"] as const;
type Name = (typeof names)[number];

/** A broker's host, with what its broker has started with. */
interface FakeHost {
  byTls: boolean;
  isMarked: boolean;
  speaksTls: boolean | null;
}

/** What the host of a test says, beside what follows from its state. */
type Told = Partial<Pick<HostAnswer, "apart" | "obstacle" | "distrust" | "authorities">>;

let hosts: Record<Name, FakeHost>;
let told: Partial<Record<Name, Told>>;
/** Each call, as `ACTION HOST`. */
let calls: string[];
let lines: string[];
/** How a host answers a call that it does not do. */
let faults: Partial<Record<string, Error>>;
/** After how many calls the command is killed. */
let killedAfter: number;

class Killed extends Error {}

beforeEach(() => {
  hosts = { mq1: running(false), mq2: running(false), mq3: running(false) };
  told = {};
  calls = [];
  lines = [];
  faults = {};
  killedAfter = Infinity;
});

function running(byTls: boolean): FakeHost {
  return { byTls, isMarked: false, speaksTls: byTls };
}

const all = (): FakeHost[] => Object.values(hosts);

/** What has to hold at any moment: brokers that run speak alike. */
function assertAlike(): void {
  const spoken = new Set(all().flatMap(({ speaksTls }) => speaksTls ?? []));
  assert.ok(spoken.size <= 1, `brokers run that cannot speak with each other, after ${calls.join(", ")}`);
}

function answerOf(name: Name): HostAnswer {
  const { byTls, isMarked, speaksTls } = hosts[name];
  const isWhole = all().every((host) => host.speaksTls !== null);
  return {
    byTls,
    isMarked,
    speaksTls,
    runs: speaksTls !== null,
    apart: isWhole ? null : "it does not see all run",
    obstacle: null,
    distrust: null,
    authorities: "one",
    ...told[name],
  };
}

const act: Act = (action, login, _, { byTls }) => {
  const name = login.name as Name;
  if (calls.length >= killedAfter) return Promise.reject(new Killed());
  calls.push(`${action} ${name}`);
  const fault = faults[`${action} ${name}`];
  if (fault !== undefined) return Promise.reject(fault);
  const host = hosts[name];
  if (action === "stop") {
    host.isMarked = true;
    host.speaksTls = null;
  } else if (action === "change") {
    assert.ok(host.isMarked && host.speaksTls === null, `${name} is changed and may run`);
    assert.ok(
      all().every(({ speaksTls, isMarked }) => (speaksTls === null ? isMarked : speaksTls === byTls)),
      "one is changed while another one may run as before",
    );
    host.byTls = byTls;
  } else if (action === "start") {
    host.isMarked = false;
    host.speaksTls = host.byTls;
  }
  assertAlike();
  return Promise.resolve(action === "look" ? JSON.stringify(answerOf(name)) : "");
};

const logins: Login[] = names.map((name) => ({ name, host: name, port: 22, user: "root", privateKey: "" }));
const silent = new SshError("timeout", "does not answer by SSH within 10 s");
const full = (byTls: boolean): FullStop => ({
  cluster: { logins, port: "5672" },
  change: { byTls, distribution: byTls ? "{by_tls, 7 }" : "{clear, 3 }" },
  command: "npm run up -- --full-stop",
  act,
  tell: (line) => lines.push(line),
});

async function run(byTls: boolean): Promise<number | undefined> {
  return carryOut(full(byTls), await planFor(full(byTls)));
}

const done = (...actions: readonly Action[]): string[] =>
  calls.filter((call) => actions.some((action) => call.startsWith(`${action} `)));

function assertAll(byTls: boolean): void {
  for (const host of all()) assert.deepEqual(host, running(byTls));
}

async function refusal(byTls = true): Promise<string> {
  try {
    await run(byTls);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return assert.fail("it was not refused");
}

test("all stop one after the other, all are changed, all start; off as well as on", async () => {
  for (const byTls of [true, false]) {
    calls = [];
    assert.equal(typeof (await run(byTls)), "number");
    assertAll(byTls);
    assert.deepEqual(done("stop", "change", "start"), [
      ...["stop mq3", "stop mq2", "stop mq1"],
      ...["change mq1", "change mq2", "change mq3", "start mq1", "start mq2", "start mq3"],
    ]);
  }
});

test("where all speak so already nothing is done", async () => {
  assert.equal(await run(false), undefined);
  assert.deepEqual(done("stop", "change", "start"), []);
  assert.deepEqual(describePlan(await planFor(full(false)), full(false).change), []);
});

test("a preview says what would be done, and does nothing", async () => {
  assert.deepEqual(describePlan(await planFor(full(true)), full(true).change), [
    "would stop one after the other: mq3, mq2, mq1",
    "would have them speak by TLS with each other: mq1, mq2, mq3",
    "would start: mq1, mq2, mq3",
  ]);
  assert.deepEqual(done("stop", "change", "start"), []);
});

test("no broker is stopped unless every host gives a whole answer", async () => {
  for (const fault of [silent, new SshError("command", "no", { code: 2 })]) {
    faults = { "look mq2": fault };
    assert.match(await refusal(), /^nothing was done.*answers:\n {2}mq2: /);
  }
  faults = {};
  told = { mq2: { obstacle: 1 as unknown as string } };
  assert.match(await refusal(), /mq2: its answer is not whole/);
  assert.deepEqual(done("stop", "change", "start"), []);
});

test("no broker is stopped of a cluster that is not whole, or that could not speak TLS", async () => {
  for (const [name, says, words] of [
    ["mq2", { apart: "it does not see mq3 run" }, /mq2: it does not see mq3 run/],
    ["mq3", { obstacle: "its mirrors are not in sync: orders" }, /mq3: its mirrors are not in sync: orders/],
    ["mq1", { distrust: "its certificate is not trusted" }, /mq1: its certificate is not trusted/],
    ["mq2", { authorities: "two" }, /mq2: does not trust the same authorities as mq1/],
  ] as const) {
    told = { [name]: says };
    assert.match(await refusal(), words);
  }
  assert.deepEqual(done("stop", "change", "start"), []);
});

test("a certificate is no reason to keep TLS", async () => {
  hosts = { mq1: running(true), mq2: running(true), mq3: running(true) };
  told = { mq1: { distrust: "it has ended" }, mq2: { authorities: "two" } };
  await run(false);
  assertAll(false);
});

test("if a broker cannot be stopped, the stopped ones start as they were", async () => {
  faults = { "stop mq2": silent };
  assert.match(
    await refusal(),
    /^the full stop was given up: mq2: does not answer.*\nonce that is mended, run again: npm run up -- --full-stop$/,
  );
  assertAll(false);
  assert.deepEqual(done("change"), []);
  assert.deepEqual(done("start"), ["start mq2", "start mq3"]);
});

test("those that cannot be reached for that are named, and the same command goes on", async () => {
  faults = { "stop mq2": silent, "start mq2": silent };
  assert.match(await refusal(), /not all start again:\n {2}mq2: does not answer/);
  assert.deepEqual(hosts.mq3, running(false));
  // It was stopped all the same.
  hosts.mq2 = { byTls: false, isMarked: true, speaksTls: null };
  faults = {};
  await run(true);
  assertAll(true);
});

test("one that cannot be changed stays stopped, and the others do without it; the same command goes on", async () => {
  faults = { "change mq2": silent };
  assert.match(await refusal(), /^the full stop is not complete:\n {2}mq2: does not answer/);
  assert.deepEqual(hosts, {
    mq1: running(true),
    mq2: { byTls: false, isMarked: true, speaksTls: null },
    mq3: running(true),
  });
  faults = {};
  calls = [];
  await run(true);
  assertAll(true);
  assert.deepEqual(done("stop", "change", "start"), ["change mq2", "start mq2"]);
});

test("a minority does not start alone", async () => {
  faults = { "change mq2": silent, "change mq3": silent };
  await refusal();
  assert.deepEqual(done("start"), []);
  faults = {};
  await run(true);
  assertAll(true);
});

test("killed at any point, the same command completes it, and so does that with the former value", async () => {
  await run(true);
  const { length } = calls;
  assert.ok(length > 14, String(length));
  for (const second of [true, false]) {
    for (let at = 0; at <= length; at++) {
      hosts = { mq1: running(false), mq2: running(false), mq3: running(false) };
      calls = [];
      killedAfter = at;
      await run(true).catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
      killedAfter = Infinity;
      const text = `killed after ${calls.join(", ")}`;
      await assert.doesNotReject(run(second), text);
      for (const host of all()) assert.deepEqual(host, running(second), text);
    }
  }
});

test("killed twice, it is completed all the same", async () => {
  for (let at = 3; at <= 16; at++) {
    for (let again = 3; again <= 16; again++) {
      hosts = { mq1: running(false), mq2: running(false), mq3: running(false) };
      for (const after of [at, again]) {
        calls = [];
        killedAfter = after;
        await run(true).catch((error: unknown) => assert.ok(error instanceof Killed, String(error)));
      }
      killedAfter = Infinity;
      await run(true);
      assertAll(true);
    }
  }
});

test("a host that does not answer is waited for also where the brokers are stopped", async () => {
  killedAfter = 5;
  await run(true).catch(() => undefined);
  killedAfter = Infinity;
  assert.equal(done("stop").length, 2);
  faults = { "look mq1": silent };
  calls = [];
  assert.match(await refusal(), /^nothing was done, since not every broker's host answers:\n {2}mq1: /);
  assert.deepEqual(done("stop", "change", "start"), []);
});

test("a broker that was marked, and runs yet, is stopped before any is changed", async () => {
  for (const host of all()) Object.assign(host, { isMarked: true, speaksTls: null });
  hosts.mq1.speaksTls = false;
  await run(true);
  assert.ok(done("stop").includes("stop mq1"));
  assertAll(true);
});

test("a broker that is about to start is waited for", async () => {
  await run(true);
  calls = [];
  hosts.mq2.speaksTls = null;
  await run(true);
  assert.deepEqual(done("stop", "change", "start"), ["start mq2"]);
  assertAll(true);
});

test("mirrors that are not in sync yet after the start are no failure", async () => {
  killedAfter = 9;
  await run(true).catch(() => undefined);
  killedAfter = Infinity;
  told = { mq1: { obstacle: "its mirrors are not in sync: orders" } };
  await run(true);
  assertAll(true);
});

test("one that is left alone by a killed run says nothing of the cluster, and is stopped all the same", async () => {
  killedAfter = 5;
  await run(true).catch(() => undefined);
  killedAfter = Infinity;
  const says = "rabbitmqctl eval ended with 69";
  told = { mq1: { apart: says, obstacle: says, distrust: says } };
  const plan = await planFor(full(true));
  told = {};
  await carryOut(full(true), plan);
  assertAll(true);
});

test("the words for the program on a host", () => {
  const cluster = { logins, port: "5672" };
  const on = { byTls: true, distribution: "{by_tls, 7 }" };
  const [login] = logins;
  assert.ok(login);
  const command = (action: Action, change = on, more: Partial<Login> = {}): string =>
    commandOf(action, { ...login, ...more }, cluster, change);
  assert.match(
    command("look"),
    /rabbitmq-ha full-stop '?--look'? '?--brokers'? '?mq1,mq2,mq3'? --distribution '\{by_tls, 7 \}' '?--tls'?$/,
  );
  assert.match(command("stop"), /rabbitmq-ha full-stop '?--stop'?$/);
  assert.match(command("change"), /--change'? --distribution '\{by_tls, 7 \}' '?--tls'?$/);
  assert.doesNotMatch(command("change", { byTls: false, distribution: "{clear, 3 }" }), /--tls/);
  assert.match(
    command("start"),
    /--release'? && \S+ '?start'? '?--brokers'? '?mq1,mq2,mq3'? '?--port'? '?5672'?$/,
  );
  const existing = command("stop", on, { user: "debian", stackId: "id" });
  assert.match(existing, /^sudo -n .*--stop'? '?--stack-id'? '?id'? '?--host'? '?mq1'?$/);
});

test("the flag is taken out of Pulumi's, and goes with no other way to mend", () => {
  assert.deepEqual(extractFullStop(["--full-stop", "--diff"]), { fullStop: true, rest: ["--diff"] });
  assert.deepEqual(parseUpOptions(["--full-stop", "--diff"]).flags, ["--diff"]);
  assert.throws(
    () => parseUpOptions(["--full-stop", "--repair"]),
    /--full-stop and --repair cannot be combined/,
  );
  assert.throws(
    () => parseUpOptions(["--full-stop", "--force-boot", "mq1"]),
    /--full-stop and --force-boot cannot be combined; run --force-boot first/,
  );
});
