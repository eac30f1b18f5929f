/** Brokers that wait for others: which waits for which, what to do, and which --force-boot is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dataLossMessage, refusalReason, startDeadlockMessage } from "../../../cli/force-boot-messages.ts";
import { forceBootArguments, forceBootCommand } from "../../../cli/force-boot.ts";
import { planRepair } from "../../../cli/repair-plan.ts";
import { parseUpOptions } from "../../../cli/up.ts";
import { fail } from "../../../verify/finding.ts";
import { programPath } from "../../../remote/program.ts";
import { judgeServices, parseHostState, buildProgramCommand } from "../../../verify/checks/hosts.ts";
import {
  type BrokerState,
  type BrokerStates,
  findStartDeadlock,
  isAnyBetweenStarts,
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

test("a machine that bears a mark is started only with the stack's own", () => {
  const login = { name: "mq1", user: "debian", stackId: "prod-a1" };
  const follow = ["--follow", "--after", "mq2"];
  assert.equal(
    forceBootCommand(login, follow),
    `sudo -n ${programPath} force-boot --follow --after mq2 --stack-id prod-a1 --host mq1`,
  );
  assert.equal(
    forceBootCommand({ name: "mq1", user: "root" }, follow),
    `${programPath} force-boot --follow --after mq2`,
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

test("a forced boot that was cut off can be repeated, though its broker runs by then", () => {
  const { isForced } = parseHostState("Id=rabbitmq-server.service\nBeside=\nForced=yes\n");
  const begun: BrokerState = { active: "active", isWaiting: false, isForced, lastRunningPeers: [] };
  const known = states(begun, waits("cent120"), undefined);
  assert.equal(why("cent120", known), undefined);
  assert.match(dataLossMessage("cent120", known, "dev"), /^cent120 was started without the others, by a run/);
});

/** A broker with Khepri that waits for a majority. */
const needs = (position: readonly [number, number], ...others: string[]): BrokerState => ({
  ...waits(...others),
  position,
});
/** One with data that is stopped, which does not say who the members are. */
const idle = (active = "inactive"): BrokerState => ({ active, isWaiting: false, lastRunningPeers: [] });
const five = ["cent120", "cent121", "cent122", "cent125", "cent126"];
const others = (name: string): string[] => five.filter((other) => other !== name);
const oneOfThree = states(needs([3, 176], "cent121", "cent122"), undefined, undefined);
const twoOfFive = states(
  needs([3, 176], ...others("cent120")),
  needs([4, 12], ...others("cent121")),
  undefined,
);

test("a host reports how new the tables of its waiting broker are", () => {
  assert.deepEqual(parseHostState("Beside=a b\nPosition=3 176\nWaits=yes\n").position, [3, 176]);
  for (const text of ["Beside=\n", "Position=3\n", "Position=x y\n"])
    assert.equal(parseHostState(text).position, undefined);
});

test("with Khepri the message says how many members are needed, and how many of those that are off are enough", () => {
  const three = findStartDeadlock(names, oneOfThree) ?? assert.fail();
  assert.deepEqual(three.majority, { members: 3, needed: 2, present: 1 });
  assert.equal(three.lastStopped, "cent120");
  assert.equal(
    judgeWaiting("cent120", three)?.detail,
    "rabbitmq-server waits for 2 of the cluster's 3 members: itself, cent121, cent122",
  );
  const words = startDeadlockMessage(three, "prod");
  assert.match(words, /^These brokers do not start, because 2 of the cluster's 3 members .* and 1 is:$/m);
  assert.match(words, /Switch one of them on, and the others start by themselves\.$/m);
  assert.match(words, /^ {2}npm run up -- --force-boot cent120 --stack prod$/m);
  assert.match(words, /had not reached cent120 yet, .*; streams have no majority afterwards\. Then/);
  const deadlock = findStartDeadlock(five, twoOfFive) ?? assert.fail();
  assert.equal(deadlock.lastStopped, "cent121");
  assert.match(startDeadlockMessage(deadlock, "dev"), /3 of the cluster's 5 members .* and 2 are:\n/);
  assert.match(startDeadlockMessage(deadlock, "dev"), /Switch one of them on/);
  const alone = findStartDeadlock(five, states(needs([3, 176], ...others("cent120")))) ?? assert.fail();
  assert.match(startDeadlockMessage(alone, "dev"), /Switch 2 of them on/);
});

test("with Khepri no command is offered while a majority is there", () => {
  const two = states(needs([3, 1], "cent121", "cent122"), needs([3, 1], "cent120", "cent122"), undefined);
  assert.equal(findStartDeadlock(names, two)?.lastStopped, undefined);
  assert.match(
    why("cent120", two) ?? "",
    /^2 of the cluster's 3 members are reachable, which is enough; start/,
  );
  const stoppedOne = states(needs([3, 1], "cent121", "cent122"), idle("failed"), undefined);
  assert.match(why("cent120", stoppedOne) ?? "", /^2 of the cluster's 3 members are reachable/);
});

test("with Khepri a broker is started alone only if none of those that are left has newer tables", () => {
  assert.equal(why("cent120", oneOfThree), undefined);
  assert.equal(why("cent121", twoOfFive), undefined);
  assert.match(
    why("cent120", twoOfFive) ?? "",
    /^cent121 has newer tables than cent120 and waits too; .*--force-boot cent121$/,
  );
  const later = states(needs([4, 12], ...others("cent120")), needs([4, 13], ...others("cent121")));
  assert.match(why("cent120", later) ?? "", /^cent121 has newer tables than cent120/);
  for (const position of [[4, 11] as const, [3, 999] as const])
    assert.equal(
      why("cent121", states(needs(position, ...others("cent120")), twoOfFive.get("cent121"))),
      undefined,
    );
  assert.match(
    why("cent121", states(idle(), needs([4, 12], ...others("cent121")))) ?? "",
    /^cent120 may have newer tables than cent121 and is reachable \(.* is inactive\); start it, and run this again$/,
  );
});

test("what is lost with Khepri is said before it is", () => {
  assert.match(
    dataLossMessage("cent120", oneOfThree, "dev"),
    /^cent120 is started without cent121, cent122\. This loses what only cent121, cent122 have: .*had not reached cent120/,
  );
});

test("--force-boot is separated from Pulumi's flags, needs a name, and excludes --repair", () => {
  const flags = ["--diff", "--parallel", "4"];
  for (const args of [["--force-boot", "cent121"], ["--force-boot=cent121"]]) {
    const options = parseUpOptions([...flags, ...args]);
    assert.deepEqual(options, {
      repair: false,
      forceBoot: "cent121",
      withoutBackup: false,
      fullStop: false,
      flags,
    });
  }
  assert.deepEqual(parseUpOptions(["--repair"]), {
    repair: true,
    forceBoot: undefined,
    withoutBackup: false,
    fullStop: false,
    flags: [],
  });
  for (const args of [["--force-boot"], ["--force-boot="], ["--force-boot", "--diff"]])
    assert.throws(() => parseUpOptions(args), /--force-boot needs a broker's name/);
  assert.throws(() => parseUpOptions(["--repair", "--force-boot", "cent121"]), /cannot be combined/);
});

test("a broker that starts and does not wait yet may be between two starts; one that waits, runs or is stopped is not", () => {
  const starting: BrokerState = { active: "activating", isWaiting: false };
  assert.ok(isAnyBetweenStarts(states(waits("cent122"), starting)));
  for (const known of [inOrder, atOnce, states(stopped(), { active: "active", isWaiting: false }), states()])
    assert.ok(!isAnyBetweenStarts(known));
});
