/** RabbitMQ 4.3, which has Khepri in Mnesia's place: quorum queues, power cuts of all brokers, refusals, force-boot. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type amqp from "amqplib";
import { brokerAnswers } from "../../testbed/stacks/amqp-handshake.ts";
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { deleteQueue, publish, readMessages } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "m", net: 76, release: findBrokerRelease("4.3.6") }));
const [first = "", second = "", third = ""] = lab.brokers;

/** Within how many seconds of power all brokers have to serve. */
const servingGoalSeconds = 60;
/** RabbitMQ itself can lose a queue that was declared right before a power cut: docs/failures.md. */
const queueSettlesSeconds = 10;

/** The messages confirmed so far in the queue. */
let confirmed: string[] = [];
/** How many tests have failed. The content of a failed test's queue is unknown, so later tests use another one. */
let failures = 0;

afterEach(async (context) => {
  if (!("passed" in context) || context.passed) return;
  failures += 1;
  confirmed = [];
  for (const broker of lab.brokers) await powerOn(broker).catch(() => undefined);
});

const queue = (): string => `orders-${failures}`;

const addressOf = (broker: string): string => lab.virtualAddress.replace(/\d+$/, broker.slice(-3));

/** Connects to one broker, without a balancer. */
async function connect(broker: string): Promise<amqp.ChannelModel> {
  const uri = new URL(String(await lab.output("amqpUri")));
  uri.hostname = addressOf(broker);
  return lab.connect(uri.href);
}

async function publishMore(count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, index) => `message ${confirmed.length + index}`);
  await publish(await lab.connect(), queue(), messages, "quorum");
  confirmed.push(...messages);
}

/** Brings the lab up and publishes messages. */
async function begin(): Promise<void> {
  await lab.ensureUp();
  if (confirmed.length > 0) return;
  await publishMore(200);
  await pause(queueSettlesSeconds * 1000);
}

async function assertMessages(broker: string): Promise<void> {
  const found = await readMessages(await connect(broker), queue());
  assert.deepEqual(found.sort(), [...confirmed].sort());
}

async function cutPower(): Promise<void> {
  await Promise.all(lab.brokers.map(powerOff));
}

async function waitUntilHealthy(): Promise<void> {
  await waitForVerify(({ code }) => code === 0);
}

/** Runs `verify` until its result is as wanted. @returns what it printed then */
async function waitForVerify(
  isWanted: (result: { readonly code: number; readonly output: string }) => boolean,
): Promise<string> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const result = await lab.npm("verify");
    if (isWanted(result)) return result.output;
    if (Date.now() > deadline) assert.fail(`not within 120 s:\n${tail(result.output)}`);
    await pause(2000);
  }
}

/** Waits until every broker answers a new client, each at its own address. */
async function waitUntilAllServe(deadline: number): Promise<void> {
  for (const broker of lab.brokers) {
    while (!(await brokerAnswers(addressOf(broker), 1000))) {
      assert.ok(Date.now() < deadline, `${broker} does not serve after ${servingGoalSeconds} s`);
      await pause(200);
    }
  }
}

/** Waits until a broker's start says that the cluster has gone on without it. @returns the command that it offers */
async function commandToJoinAnew(broker: string): Promise<string> {
  // Where the unit's output goes depends on the package.
  const said =
    "{ journalctl -u rabbitmq-server -o cat; cat /var/log/rabbitmq/rabbitmq-server.log; } 2>/dev/null";
  const offered = `grep -m 1 -o "rabbitmq-ha force-boot --follow --after .*"`;
  return lab.runOn(broker, `timeout 60 bash -c 'until ${said} | ${offered}; do sleep 1; done'`);
}

test("up installs RabbitMQ 4.3 from the repository, and a second up changes nothing", async () => {
  await lab.ensureUp();
  const verified = await lab.runOrThrow("verify");
  assert.match(verified, /RabbitMQ 4\.3\.\d+ on Erlang \d+/);
  assert.match(verified, /a majority of the cluster's members; Khepri/);
  assert.match(await lab.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("a queue that is declared without a type is a quorum queue with a member on every broker", async () => {
  await lab.ensureUp();
  const connection = await lab.connect();
  try {
    const channel = await connection.createChannel();
    await channel.assertQueue("untyped");
    const list = "rabbitmqctl -q list_queues name type members --no-table-headers </dev/null | grep ^untyped";
    const [, type = "", members = ""] = (await lab.runOn(first, list)).split("\t");
    assert.equal(type, "quorum");
    for (const broker of lab.brokers) assert.ok(members.includes(`rabbit@${broker}`), members);
    await channel.deleteQueue("untyped");
  } finally {
    await connection.close();
  }
});

for (const [index, order] of [
  [first, second, third],
  [third, first, second],
  [second, third, first],
].entries()) {
  test(`power cut ${index + 1} of all brokers, power back in the order ${order.join(", ")}: all serve within 60 s, no message is lost`, async (context) => {
    await begin();
    await cutPower();
    const started = Date.now();
    for (const broker of order) await powerOn(broker);
    await waitUntilAllServe(started + servingGoalSeconds * 1000);
    context.diagnostic(`all served after ${((Date.now() - started) / 1000).toFixed(1)} s`);
    await waitUntilHealthy();
    await assertMessages(first);
    await publishMore(50);
  });
}

test("a virtual host that an operator adds gets the policy and the default queue type within a minute", async () => {
  await lab.ensureUp();
  const ctl = (words: string): Promise<string> => lab.runOn(first, `rabbitmqctl -q ${words} </dev/null`);
  await ctl("add_vhost added");
  try {
    const list = "rabbitmqctl -q list_policies -p added --no-table-headers </dev/null";
    await lab.runOn(first, `timeout 60 bash -c 'until ${list} | grep -q quorum-all; do sleep 1; done'`);
    assert.match(await ctl("list_vhosts name default_queue_type --no-table-headers"), /^added\tquorum$/m);
  } finally {
    await ctl("delete_vhost added");
  }
});

test("up refuses to replace a broker that has the only copy of a quorum queue", async () => {
  await lab.ensureUp();
  const declare = async (): Promise<void> => {
    const connection = await connect(third);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("alone", {
      arguments: { "x-queue-type": "quorum", "x-quorum-initial-group-size": 1 },
    });
    channel.sendToQueue("alone", Buffer.from("kept"), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
  };
  await declare();
  try {
    const { code, output } = await lab.npm("up", "--replace", third);
    assert.notEqual(code, 0);
    const words = `${third} does not leave the cluster: it has the only copy of 1 queues: alone \\(quorum, `;
    assert.match(output, new RegExp(words), tail(output));
    assert.deepEqual(await readMessages(await connect(third), "alone"), ["kept"]);
  } finally {
    await deleteQueue(await connect(third), "alone");
  }
  assert.match(await lab.runOrThrow("up"), /stack test-m is healthy/);
});

test("--force-boot starts the only broker that is left, with its messages, and another one joins it anew", async () => {
  await begin();
  await cutPower();
  await powerOn(second);
  const command = `npm run up -- --force-boot ${second} --stack test-m`;
  const advice = await waitForVerify(({ output }) => output.includes(command));
  assert.match(advice, new RegExp(`${second} waits for ${first}, ${third}`), tail(advice));
  const { code, output } = await lab.npm("up", "--force-boot", second);
  assert.equal(code, 1, "up must fail: the other brokers are still off");
  assert.match(output, new RegExp(`^${second} serves$`, "m"), tail(output));
  await assertMessages(second);
  await powerOn(first);
  await lab.runOn(first, await commandToJoinAnew(first));
});
