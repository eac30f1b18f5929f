/** Brokers that wait for others: which waits for which, what to do, and which --force-boot is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalReason, startDeadlockMessage } from "../../../cli/force-boot-messages.ts";
import { forceBootArguments } from "../../../cli/force-boot.ts";
import { planRepair } from "../../../cli/repair-plan.ts";
import { parseUpOptions } from "../../../cli/up.ts";
import { fail } from "../../../verify/finding.ts";
import { programPath } from "../../../remote/program.ts";
import { judgeServices, parseHostState, buildProgramCommand } from "../../../verify/hosts.ts";
import {
  type BrokerState,
  type BrokerStates,
  findStartDeadlock,
  judgeWaiting,
} from "../../../verify/start-deadlock.ts";

const names = ["cent120", "cent121", "cent122"];
const waits = (...beside: string[]): BrokerState => ({
  active: "activating",
  isWaiting: true,
  lastRunningPeers: beside,
});
const stopped = (...beside: string[]): BrokerState => ({
  active: "inactive",
  isWaiting: false,
  lastRunningPeers: beside,
});
const states = (...known: readonly (BrokerState | undefined)[]): BrokerStates =>
  new Map(
    names.flatMap((name, index) => (known[index] === undefined ? [] : [[name, known[index]] as const])),
  );

/** Stopped one after another; the third is unreachable. */
const inOrder = states(waits("cent121", "cent122"), waits("cent122"), undefined);
/** The first two stopped at the same moment; the third is unreachable. */
const atOnce = states(waits("cent121", "cent122"), waits("cent120", "cent122"), undefined);
const why = (name: string, known: BrokerStates): string | undefined =>
  refusalReason(name, names, known, "dev");

test("a host reports which brokers its own ran beside, and whether it waits", () => {
  const { isWaiting: waiting, lastRunningPeers } = parseHostState(
    "Id=rabbitmq-server.service\nBeside=cent121 cent122 \nWaits=yes\n",
  );
  assert.deepEqual([waiting, lastRunningPeers], [true, ["cent121", "cent122"]]);
  assert.deepEqual(parseHostState("Beside=\n").lastRunningPeers, []);
  assert.equal(parseHostState("Id=haproxy.service\n").lastRunningPeers, undefined);
});

test("a broker is examined and started by the program on its host", () => {
  assert.equal(buildProgramCommand({ user: "root" }), programPath);
  assert.equal(buildProgramCommand({ user: "debian" }), `sudo -n ${programPath}`);
  const brokers = names.map((name) => ({ name, address: "", url: "" }));
  assert.deepEqual(
    forceBootArguments(["cent122"], { brokers, amqpUri: "amqp://admin:secret@10.0.0.100:5673" }),
    ["--gone", "cent122", "--brokers", names.join(","), "--port", "5673"],
  );
});

test("without a waiting broker there is no start deadlock", () => {
  assert.equal(findStartDeadlock(names, states(stopped("cent121"), undefined, stopped())), undefined);
});

test("the broker to start is the one that stopped last of the reachable ones", () => {
  assert.deepEqual(findStartDeadlock(names, inOrder), {
    waiting: [
      { name: "cent120", lastRunningPeers: ["cent121", "cent122"] },
      { name: "cent121", lastRunningPeers: ["cent122"] },
    ],
    gone: ["cent122"],
    notStarting: [],
    lastStopped: "cent121",
  });
  assert.equal(findStartDeadlock(names, atOnce)?.lastStopped, "cent120");
});

test("a reachable broker that does not start comes first", () => {
  const deadlock =
    findStartDeadlock(names, states(waits("cent121", "cent122"), waits("cent122"), stopped())) ??
    assert.fail();
  assert.deepEqual(deadlock.notStarting, [{ name: "cent122", active: "inactive" }]);
  assert.equal(deadlock.lastStopped, undefined);
  assert.match(judgeWaiting("cent120", deadlock)?.advice ?? "", /^start rabbitmq-server on cent122$/);
  const words = startDeadlockMessage(deadlock, "dev");
  assert.match(
    words,
    /cent122 is reachable, and its rabbitmq-server is inactive: start it \(npm run up -- --repair\)/,
  );
  assert.doesNotMatch(words, /--force-boot/);
});

test("a broker that has lost its data counts as gone", () => {
  const wiped: BrokerState = { active: "activating", isWaiting: false };
  assert.deepEqual(findStartDeadlock(names, states(waits("cent122"), waits("cent122"), wiped))?.gone, [
    "cent122",
  ]);
});

test("the message names which broker waits for which, the command to run, and what it loses", () => {
  const deadlock = findStartDeadlock(names, inOrder) ?? assert.fail();
  const words = startDeadlockMessage(deadlock, "prod");
  assert.match(words, /^ {2}cent120 waits for cent121, cent122\n {2}cent121 waits for cent122$/m);
  assert.match(words, /^ {2}npm run up -- --force-boot cent121 --stack prod$/m);
  assert.match(words, /This loses what only cent122 has: what was confirmed/);
});

test("a repair does not restart a waiting broker, and says so", () => {
  const deadlock = findStartDeadlock(names, inOrder);
  const services = { "rabbitmq-server": "cent121-service" };
  const host = parseHostState("Id=rabbitmq-server.service\nActiveState=activating\nUnitFileState=enabled\n");
  const verdict = judgeServices(host, services, judgeWaiting("cent121", deadlock));
  assert.equal(verdict.detail, "rabbitmq-server waits for cent122, which ran longer than cent121");
  const findings = [
    { check: "services", subject: "cent121", ...verdict },
    { check: "members", subject: "cent121", ...fail("connection refused", "cent121-service") },
    { check: "services", subject: "cent122", ...fail("inactive", "cent122-service") },
  ];
  const { reruns, skipped } = planRepair(findings, []);
  assert.deepEqual(reruns, []);
  assert.deepEqual(
    skipped.map(({ kind, name }) => `${kind} ${name}`),
    ["missing cent122-service", "needs operator services"],
  );
});

test("a broker is started without others only if it waits for one that is gone, and none of the reachable ones stopped later", () => {
  assert.equal(why("cent121", inOrder), undefined);
  assert.equal(why("cent120", atOnce), undefined);
  assert.equal(why("cent121", atOnce), undefined);
  assert.match(
    why("cent123", inOrder) ?? "",
    /^cent123 is no broker of stack dev; its brokers are cent120, cent121, cent122$/,
  );
  assert.match(why("cent122", inOrder) ?? "", /^cent122 cannot be asked by SSH/);
  assert.match(
    why("cent120", inOrder) ?? "",
    /^cent121 ran longer .* waits too; .* npm run up -- --force-boot cent121$/,
  );
  const running: BrokerState = { active: "active", isWaiting: false, lastRunningPeers: ["cent121"] };
  assert.match(
    why("cent120", states(running)) ?? "",
    /^cent120 does not wait for another broker \(.* is active\)/,
  );
  const startable = states(undefined, waits("cent122"), stopped());
  assert.match(
    why("cent121", startable) ?? "",
    /^cent122 ran longer than cent121 and is reachable \(.* is inactive\); start/,
  );
  const together = states(undefined, waits("cent122"), waits("cent121"));
  assert.match(why("cent121", together) ?? "", /^all brokers that cent121 waits for are reachable/);
});

test("--force-boot is separated from Pulumi's flags, needs a name, and excludes --repair", () => {
  const flags = ["--diff", "--parallel", "4"];
  for (const args of [["--force-boot", "cent121"], ["--force-boot=cent121"]]) {
    const options = parseUpOptions([...flags, ...args]);
    assert.deepEqual(options, { repair: false, forceBoot: "cent121", flags });
  }
  assert.deepEqual(parseUpOptions(["--repair"]), { repair: true, forceBoot: undefined, flags: [] });
  for (const args of [["--force-boot"], ["--force-boot="], ["--force-boot", "--diff"]])
    assert.throws(() => parseUpOptions(args), /--force-boot needs a broker's name/);
  assert.throws(() => parseUpOptions(["--repair", "--force-boot", "cent121"]), /cannot be combined/);
});
