/** All brokers stopped and switched off: they come back by themselves, or up says whom they wait for, and the way out. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { powerOff, powerOn } from "../../testbed/labs/hosts.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { contents, publish } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "t", net: 69 }));
const [first = "", second = "", third = ""] = lab.brokers;
const types = ["classic", "quorum"] as const;
/** What was confirmed so far, in each of the queues. */
let confirmed: string[] = [];
/** How many tests have failed: what is in a failed one's queues nobody knows, so the next ones have others. */
let failures = 0;
/** Where the tests from the third one on are: without the third broker, the others wait, or serve. */
let without: "waiting" | "serving" | undefined;

afterEach(async (context) => {
  if (!("passed" in context) || context.passed) return;
  failures += 1;
  confirmed = [];
  without = undefined;
  for (const broker of lab.brokers) await powerOn(broker);
});

const queueOf = (type: string): string => `${type}-${failures}`;

async function publishMore(count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, index) => `message ${confirmed.length + index}`);
  for (const type of types) await publish(await lab.connect(), queueOf(type), messages, type);
  confirmed.push(...messages);
}

/** Brings the lab up, with messages in it. */
async function begin(): Promise<void> {
  await lab.ensureUp("");
  if (confirmed.length === 0) await publishMore(200);
}

/**
 * Stops the brokers in their order, then takes the power of all of them away. Without the first there still is a
 * majority, which confirms messages that the first one does not get; without the second there is none.
 */
async function stopAll(): Promise<void> {
  for (const broker of lab.brokers) {
    await lab.on(broker, "systemctl stop rabbitmq-server");
    if (broker === first) await publishMore(20);
  }
  for (const broker of lab.brokers) await powerOff(broker);
}

async function untilWhole(): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const { code, output } = await lab.npm("verify");
    if (code === 0) return;
    if (Date.now() > deadline) assert.fail(`not whole after 120 s:\n${tail(output)}`);
    await pause(2000);
  }
}

/** Until a broker's newest start waits for others. */
async function untilItWaits(broker: string): Promise<void> {
  const log = `/var/log/rabbitmq/rabbit@${broker}.log`;
  const newest = `tail -n 20 ${log} | grep -q 'Waiting for Mnesia tables'`;
  await lab.on(broker, `timeout 120 bash -c "until ${newest}; do sleep 0.5; done"`);
}

async function assertMessages(): Promise<void> {
  for (const type of types) {
    const found = await contents(await lab.connect(), queueOf(type));
    assert.deepEqual(found.sort(), [...confirmed].sort(), type);
  }
}

/** Sees to it that all brokers were stopped, the third one is off, and the others wait for it. */
async function untilOthersWait(): Promise<void> {
  if (without === "waiting") return;
  if (without === "serving") await comeBack();
  await begin();
  await stopAll();
  for (const broker of [first, second]) await powerOn(broker);
  for (const broker of [first, second]) await untilItWaits(broker);
  without = "waiting";
}

/** Sees to it that the others serve without the third one. @returns what starting them said; nothing if they did already */
async function serveWithout(): Promise<string> {
  if (without === "serving") return "";
  await untilOthersWait();
  const { code, output } = await lab.npm("up", "--force-boot", second);
  assert.equal(code, 1, "the third one is still off");
  without = "serving";
  return output;
}

async function comeBack(): Promise<void> {
  await powerOn(third);
  await untilWhole();
  without = undefined;
}

test("stopped in one order and switched on in the same, the last one late: all come back, with their messages", async () => {
  await begin();
  await stopAll();
  for (const broker of lab.brokers) {
    await powerOn(broker);
    await pause(10_000);
  }
  await untilWhole();
  await assertMessages();
});

test("a broker that waits for nobody is not started alone", async () => {
  await begin();
  const { code, output } = await lab.npm("up", "--force-boot", second);
  assert.equal(code, 1);
  assert.match(
    output,
    new RegExp(`nothing was done: ${second} does not wait for another broker`),
    tail(output),
  );
  await untilWhole();
});

test("without the last one that stopped, up says who waits for whom, and names the choice", async () => {
  await untilOthersWait();
  const { code, output } = await lab.npm("up", "--expect-no-changes");
  assert.equal(code, 1);
  for (const words of [
    `${first} waits for ${second}, ${third}`,
    `${second} waits for ${third}`,
    `${third} cannot be logged in to, or has no data any more. Switch it on`,
    `npm run up -- --force-boot ${second} --stack test-t`,
  ]) {
    assert.ok(output.includes(words), `${words}\nis not in\n${tail(output)}`);
  }
});

test("no other broker is started without the missing one", async () => {
  await untilOthersWait();
  for (const [name, words] of [
    ["nobody", "nobody is no broker of stack test-t"],
    [first, `${second} ran longer than ${first} and waits too`],
    [third, `${third} cannot be asked by SSH`],
  ] as const) {
    const { code, output } = await lab.npm("up", "--force-boot", name);
    assert.equal(code, 1);
    assert.ok(output.includes(`nothing was done: ${words}`), tail(output));
  }
});

test("started without the missing one, the others serve, and what was everywhere is there", async () => {
  await untilOthersWait();
  const output = await serveWithout();
  for (const broker of [first, second])
    assert.match(output, new RegExp(`^${broker} serves$`, "m"), tail(output));
  assert.match(output, new RegExp(`^services +${first} +ok `, "m"), tail(output));
  await assertMessages();
});

test("a missing one that comes back after all joins, and its old data replaces nothing newer", async () => {
  await serveWithout();
  await publishMore(20);
  await comeBack();
  await assertMessages();
});
