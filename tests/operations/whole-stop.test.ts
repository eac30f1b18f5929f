/** All brokers stopped and switched off: they come back by themselves, or up says whom they wait for, and the way out. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { powerOff, powerOn } from "../../lab/trial/hosts.ts";
import { LabStack } from "../../lab/trial/lab-stack.ts";
import { tail } from "../../lab/trial/running.ts";
import { contents, publish } from "../support/messages.ts";

const lab = new LabStack({ name: "t", net: 69 });
const [first = "", second = "", third = ""] = lab.brokers;
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
const queues = ["classic", "quorum"] as const;

before(async () => {
  await lab.open();
  await lab.must("up");
  for (const queue of queues) await publish(await lab.connect(), queue, messages, queue);
});
after(() => lab.close());

/** Stops the brokers in this order, then takes the power of all of them away. */
async function stopAll(order: readonly string[]): Promise<void> {
  for (const broker of order) await lab.on(broker, "systemctl stop rabbitmq-server");
  for (const broker of order) await powerOff(broker);
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
  for (const queue of queues) {
    const found = await contents(await lab.connect(), queue);
    assert.deepEqual(found.sort(), [...messages].sort(), queue);
  }
}

test("stopped in one order and switched on in the same, the last one late: all come back, with their messages", async () => {
  await stopAll(lab.brokers);
  for (const broker of lab.brokers) {
    await powerOn(broker);
    await pause(10_000);
  }
  await untilWhole();
  await assertMessages();
});

test("a broker that waits for nobody is not started alone", async () => {
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
  await stopAll(lab.brokers);
  for (const broker of [first, second]) await powerOn(broker);
  for (const broker of [first, second]) await untilItWaits(broker);
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
  const { code, output } = await lab.npm("up", "--force-boot", second);
  assert.equal(code, 1, "the third one is still off");
  for (const broker of [first, second])
    assert.match(output, new RegExp(`^${broker} serves$`, "m"), tail(output));
  assert.match(output, new RegExp(`^services +${first} +ok `, "m"), tail(output));
  await assertMessages();
});

test("the missing one comes back with its old data: it joins, and the system is whole", async () => {
  await powerOn(third);
  await untilWhole();
  await assertMessages();
});
