/** What is made of brokers that wait for others: who waits for whom, what helps, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal, standstillWords } from "../../../cli/force-boot-messages.ts";
import { forceBootWords } from "../../../cli/force-boot.ts";
import { planRepair } from "../../../cli/repair-plan.ts";
import { wishesOf } from "../../../cli/up.ts";
import { broken } from "../../../verify/finding.ts";
import { programPath } from "../../../remote/program.ts";
import { judgeServices, parseHost, programOn } from "../../../verify/hosts.ts";
import {
  type BrokerState,
  type BrokerStates,
  standstillOf,
  waitVerdict,
} from "../../../verify/standstill.ts";

const names = ["cent120", "cent121", "cent122"];
const waits = (...beside: string[]): BrokerState => ({ active: "activating", waits: true, beside });
const stopped = (...beside: string[]): BrokerState => ({ active: "inactive", waits: false, beside });
const states = (...known: readonly (BrokerState | undefined)[]): BrokerStates =>
  new Map(
    names.flatMap((name, index) => (known[index] === undefined ? [] : [[name, known[index]] as const])),
  );

/** Stopped in their order; the third is not to be reached. */
const inOrder = states(waits("cent121", "cent122"), waits("cent122"), undefined);
/** Off at once. */
const atOnce = states(waits("cent121", "cent122"), waits("cent120", "cent122"), undefined);
const why = (name: string, known: BrokerStates): string | undefined => refusal(name, names, known, "dev");

test("a host says whom its broker ran beside, and whether it waits", () => {
  const { waits: waiting, beside } = parseHost(
    "Id=rabbitmq-server.service\nBeside=cent121 cent122 \nWaits=yes\n",
  );
  assert.deepEqual([waiting, beside], [true, ["cent121", "cent122"]]);
  assert.deepEqual(parseHost("Beside=\n").beside, []);
  assert.equal(parseHost("Id=haproxy.service\n").beside, undefined);
});

test("it is asked, and started, by the program that lies there", () => {
  assert.equal(programOn({ user: "root" }), programPath);
  assert.equal(programOn({ user: "debian" }), `sudo -n ${programPath}`);
  const brokers = names.map((name) => ({ name, address: "", url: "" }));
  assert.deepEqual(forceBootWords(["cent122"], { brokers, amqpUri: "amqp://admin:secret@10.0.0.100:5673" }), [
    "--gone",
    "cent122",
    "--brokers",
    names.join(","),
    "--port",
    "5673",
  ]);
});

test("where nobody waits there is no standstill", () => {
  assert.equal(standstillOf(names, states(stopped("cent121"), undefined, stopped())), undefined);
});

test("the one that stopped last of those that are here is the one to start", () => {
  assert.deepEqual(standstillOf(names, inOrder), {
    waiting: [
      { name: "cent120", beside: ["cent121", "cent122"] },
      { name: "cent121", beside: ["cent122"] },
    ],
    gone: ["cent122"],
    idle: [],
    last: "cent121",
  });
  assert.equal(standstillOf(names, atOnce)?.last, "cent120");
});

test("one that is there and does not start comes first", () => {
  const standstill =
    standstillOf(names, states(waits("cent121", "cent122"), waits("cent122"), stopped())) ?? assert.fail();
  assert.deepEqual(standstill.idle, [{ name: "cent122", active: "inactive" }]);
  assert.equal(standstill.last, undefined);
  assert.match(waitVerdict("cent120", standstill)?.advice ?? "", /^start rabbitmq-server on cent122$/);
  const words = standstillWords(standstill, "dev");
  assert.match(
    words,
    /cent122 is there, and its rabbitmq-server is inactive: start it \(npm run up -- --repair\)/,
  );
  assert.doesNotMatch(words, /--force-boot/);
});

test("one that has lost its data is as good as gone", () => {
  const wiped: BrokerState = { active: "activating", waits: false };
  assert.deepEqual(standstillOf(names, states(waits("cent122"), waits("cent122"), wiped))?.gone, ["cent122"]);
});

test("the words name who waits for whom, the one choice with the stack, and its price", () => {
  const standstill = standstillOf(names, inOrder) ?? assert.fail();
  const words = standstillWords(standstill, "prod");
  assert.match(words, /^ {2}cent120 waits for cent121, cent122\n {2}cent121 waits for cent122$/m);
  assert.match(words, /^ {2}npm run up -- --force-boot cent121 --stack prod$/m);
  assert.match(words, /What cent122 alone has is lost then: what was confirmed/);
});

test("a broker that waits is started again by nothing, and that is said", () => {
  const standstill = standstillOf(names, inOrder);
  const services = { "rabbitmq-server": "cent121-service" };
  const host = parseHost("Id=rabbitmq-server.service\nActiveState=activating\nUnitFileState=enabled\n");
  const verdict = judgeServices(host, services, waitVerdict("cent121", standstill));
  assert.equal(verdict.detail, "rabbitmq-server waits for cent122, which ran longer than cent121");
  const findings = [
    { check: "services", subject: "cent121", ...verdict },
    { check: "members", subject: "cent121", ...broken("connection refused", "cent121-service") },
    { check: "services", subject: "cent122", ...broken("inactive", "cent122-service") },
  ];
  const { reruns, left } = planRepair(findings, []);
  assert.deepEqual(reruns, []);
  assert.deepEqual(
    left.map(({ kind, name }) => `${kind} ${name}`),
    ["missing cent122-service", "unmendable services"],
  );
});

test("a broker is started without others only if it waits for one that is gone, and stopped last", () => {
  assert.equal(why("cent121", inOrder), undefined);
  assert.equal(why("cent120", atOnce), undefined);
  assert.equal(why("cent121", atOnce), undefined);
  assert.match(
    why("cent123", inOrder) ?? "",
    /^cent123 is no broker of stack dev: these are cent120, cent121, cent122$/,
  );
  assert.match(why("cent122", inOrder) ?? "", /^cent122 cannot be asked by SSH/);
  assert.match(
    why("cent120", inOrder) ?? "",
    /^cent121 ran longer .* waits too: .* npm run up -- --force-boot cent121$/,
  );
  const running: BrokerState = { active: "active", waits: false, beside: ["cent121"] };
  assert.match(
    why("cent120", states(running)) ?? "",
    /^cent120 does not wait for another broker \(.* is active\)/,
  );
  const startable = states(undefined, waits("cent122"), stopped());
  assert.match(
    why("cent121", startable) ?? "",
    /^cent122 ran longer than cent121 and is there \(.* is inactive\): start/,
  );
  const together = states(undefined, waits("cent122"), waits("cent121"));
  assert.match(why("cent121", together) ?? "", /^all brokers that cent121 waits for are there/);
});

test("the argument is taken from Pulumi's, wants a name, and does not go with a repair", () => {
  const flags = ["--diff", "--parallel", "4"];
  for (const args of [["--force-boot", "cent121"], ["--force-boot=cent121"]]) {
    const wishes = wishesOf([...flags, ...args]);
    assert.deepEqual(wishes, { repair: false, forceBoot: "cent121", flags });
  }
  assert.deepEqual(wishesOf(["--repair"]), { repair: true, forceBoot: undefined, flags: [] });
  for (const args of [["--force-boot"], ["--force-boot="], ["--force-boot", "--diff"]])
    assert.throws(() => wishesOf(args), /--force-boot wants a broker's name/);
  assert.throws(() => wishesOf(["--repair", "--force-boot", "cent121"]), /are two runs/);
});
