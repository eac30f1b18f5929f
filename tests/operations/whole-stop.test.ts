/** All brokers stopped and switched off: they recover by themselves, or up says whom they wait for and what to do. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { readMessages, publish } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";
import { waitForVerify } from "../support/wait-for-verify.ts";

const lab = useStack(new LabStack({ name: "t", net: 69 }));
const [first = "", second = "", third = ""] = lab.brokers;
const types = ["classic", "quorum"] as const;
/** The messages confirmed so far, in each of the queues. */
let confirmed: string[] = [];
/** How many tests have failed. The content of a failed test's queues is unknown, so later tests use other queues. */
let failures = 0;
/** The state of the other brokers while the third one is off; undefined while it is on. */
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

/** Brings the lab up and publishes messages. */
async function begin(): Promise<void> {
  await lab.ensureUp("");
  if (confirmed.length === 0) await publishMore(200);
}

/**
 * Stops the brokers in order, then powers all of them off. Without the first one there still is a majority, which
 * confirms messages that the first one does not get; without the second there is none.
 */
async function stopAll(): Promise<void> {
  for (const broker of lab.brokers) {
    await lab.runOn(broker, "systemctl stop rabbitmq-server");
    if (broker === first) await publishMore(20);
  }
  for (const broker of lab.brokers) await powerOff(broker);
}

/** Waits until the log of a broker's latest start shows that it waits for other brokers. */
async function waitUntilBlocked(broker: string): Promise<void> {
  const log = `/var/log/rabbitmq/rabbit@${broker}.log`;
  const newest = `tail -n 20 ${log} | grep -q 'Waiting for Mnesia tables'`;
  await lab.runOn(broker, `timeout 120 bash -c "until ${newest}; do sleep 0.5; done"`);
}

async function assertMessages(): Promise<void> {
  for (const type of types) {
    const found = await readMessages(await lab.connect(), queueOf(type));
    assert.deepEqual(found.sort(), [...confirmed].sort(), type);
  }
}

/** Ensures that all brokers have been stopped, the third one is off, and the others wait for it. */
async function ensureOthersWait(): Promise<void> {
  if (without === "waiting") return;
  if (without === "serving") await comeBack();
  await begin();
  await stopAll();
  for (const broker of [first, second]) await powerOn(broker);
  for (const broker of [first, second]) await waitUntilBlocked(broker);
  without = "waiting";
}

/** Ensures that the others serve without the third one. @returns what `up` printed; nothing if they served already */
async function serveWithout(): Promise<string> {
  if (without === "serving") return "";
  await ensureOthersWait();
  const { code, output } = await lab.npm("up", "--force-boot", second);
  assert.equal(code, 1, "up must fail: the third broker is still off");
  without = "serving";
  return output;
}

async function comeBack(): Promise<void> {
  await powerOn(third);
  await waitForVerify(lab);
  without = undefined;
}

test("brokers switched on in the order in which they stopped, the last one late, recover with their messages", async () => {
  await begin();
  await stopAll();
  for (const broker of lab.brokers) {
    await powerOn(broker);
    await pause(10_000);
  }
  await waitForVerify(lab);
  await assertMessages();
});

test("--force-boot refuses a broker that does not wait for another one", async () => {
  await begin();
  const { code, output } = await lab.npm("up", "--force-boot", second);
  assert.equal(code, 1);
  assert.match(
    output,
    new RegExp(`nothing was done: ${second} does not wait for another broker`),
    tail(output),
  );
  await waitForVerify(lab);
});

test("without the broker that stopped last, up says which broker waits for which, and offers --force-boot", async () => {
  await ensureOthersWait();
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

test("--force-boot refuses every broker but the one that ran longest of those that wait", async () => {
  await ensureOthersWait();
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

test("after --force-boot the other brokers serve, with the messages that all brokers had", async () => {
  await ensureOthersWait();
  const output = await serveWithout();
  for (const broker of [first, second])
    assert.match(output, new RegExp(`^${broker} serves$`, "m"), tail(output));
  assert.match(output, new RegExp(`^services +${first} +ok `, "m"), tail(output));
  await assertMessages();
});

test("the missing broker joins when it comes back, and its old data replaces nothing newer", async () => {
  await serveWithout();
  await publishMore(20);
  await comeBack();
  await assertMessages();
});
