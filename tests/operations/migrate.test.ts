/** A running cluster of mirrored queues moves to quorum queues of RabbitMQ 4.3 behind its address, back, and again. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { findBrokerRelease } from "../../testbed/labs/broker-releases.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running-up.ts";
import { root } from "../../testbed/labs/trial-stack.ts";
import { MigrationLoad, type QueueSpec } from "../support/migration-load.ts";
import { useStack } from "../support/trial.ts";

let load: MigrationLoad | undefined;

const old = new LabStack({ name: "mo", net: 105 });
const fresh = new LabStack({ name: "mn", net: 145, release: findBrokerRelease("4.3.6"), stateOf: old });
const shovel =
  "  rabbitmq-ha:rabbitmq: { plugins: [rabbitmq_management, rabbitmq_prometheus, rabbitmq_shovel] }";
useStack(old, {
  prepare: () => fresh.open(shovel),
  release: () => {
    load?.stopNow();
    return fresh.close();
  },
});

const address = old.virtualAddress;
const appUri = `amqp://app:secret-of-app@${address}:5672`;
const pair = ["--from", old.stack, "--to", fresh.stack] as const;
/** Other work is done beside a test, so this is far above the goal of the documentation. */
const gapLimitMs = 90_000;

const specs: readonly QueueSpec[] = [
  { name: "busy-1", isConsumed: true, messagesPerSecond: 50 },
  { name: "busy-2", isConsumed: true, messagesPerSecond: 50 },
  { name: "priorities", arguments: { "x-max-priority": 5 }, isConsumed: true, messagesPerSecond: 20 },
  { name: "expiring", arguments: { "x-message-ttl": 3_600_000 }, isConsumed: true, messagesPerSecond: 20 },
  { name: "lazy", arguments: { "x-queue-mode": "lazy" }, isConsumed: true, messagesPerSecond: 20 },
  {
    name: "limited",
    arguments: { "x-max-length": 100_000 },
    isConsumed: false,
    backlog: 300,
    messagesPerSecond: 0,
  },
  { name: "backlog", isConsumed: false, backlog: 4000, messagesPerSecond: 10 },
  { name: "quorum", arguments: { "x-queue-type": "quorum" }, isConsumed: true, messagesPerSecond: 20 },
];

async function begin(): Promise<MigrationLoad> {
  if (load !== undefined) return load;
  await Promise.all([old.ensureUp(), fresh.ensureUp(shovel)]);
  const ctl = (words: string): Promise<string> =>
    old.runOn(old.brokers[0] ?? "", `rabbitmqctl -q ${words} </dev/null`);
  await ctl("add_user app secret-of-app");
  await ctl("set_permissions app '.*' '.*' '.*'");
  load = new MigrationLoad(appUri, specs);
  await load.start();
  return load;
}

/** The lab's own way to run a script names one stack, and this command has two. */
async function runMigrate(...flags: readonly string[]): Promise<string> {
  const options = { cwd: root, env: old.env, extendEnv: false, all: true, reject: false } as const;
  const { all, exitCode } = await execa("npm", ["run", "migrate", "--", ...pair, ...flags], options);
  assert.equal(exitCode, 0, tail(all));
  return all;
}

/** Runs the command. @returns the longest time in which one of the publishers had no confirm */
async function migrate(running: MigrationLoad, ...flags: readonly string[]): Promise<string> {
  const from = performance.now();
  const output = await runMigrate(...flags);
  await pause(3000);
  const gapMs = running.longestGapMs(from, performance.now());
  assert.ok(gapMs < gapLimitMs, `${gapMs} ms without a confirm:\n${tail(output)}`);
  return `${(gapMs / 1000).toFixed(1)} s`;
}

/** Kills the command, with all that it has started, once its output matches. */
async function migrateKilledAt(pattern: RegExp, ...flags: readonly string[]): Promise<void> {
  const child = spawn("npm", ["run", "migrate", "--", ...pair, ...flags], {
    cwd: root,
    env: old.env,
    detached: true,
  });
  let output = "";
  const { promise, resolve } = Promise.withResolvers<undefined>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (pattern.test(output) && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    });
  }
  child.once("close", () => resolve(undefined));
  await promise;
  assert.match(output, pattern, tail(output));
}

async function versionAtAddress(): Promise<string> {
  const connection = await old.connect(appUri);
  const { version } = connection.connection.serverProperties;
  await connection.close();
  return version;
}

const gap = ["--max-gap", "20"] as const;

test(
  "clients and messages move, and the command goes on where it was killed",
  { timeout: 1_200_000 },
  async (context) => {
    const running = await begin();
    await migrateKilledAt(/messages are left/, ...gap);
    await migrateKilledAt(/clients wait from now on/, ...gap);
    context.diagnostic(`forth: ${await migrate(running, ...gap)}`);
    assert.match(await versionAtAddress(), /^4\.3/);
  },
);

test("the next up of the old stack leaves the clients where they are", { timeout: 600_000 }, async () => {
  await begin();
  assert.match(await old.runOrThrow("up"), /is whole/);
  assert.match(await versionAtAddress(), /^4\.3/);
});

test("back, and forth again; then the old brokers are stopped", { timeout: 1_200_000 }, async (context) => {
  const running = await begin();
  context.diagnostic(`back: ${await migrate(running, "--back", ...gap)}`);
  assert.match(await versionAtAddress(), /^3\.10/);
  context.diagnostic(`forth: ${await migrate(running, ...gap)}`);
  assert.match(await versionAtAddress(), /^4\.3/);
  await runMigrate("--finish");
  for (const broker of old.brokers)
    assert.match(await old.runOn(broker, "systemctl is-active rabbitmq-server || true"), /inactive|failed/);
  const { lost, disorders, duplicates, confirmed } = await running.stop(180);
  context.diagnostic(`${confirmed} confirmed, ${duplicates} duplicates`);
  assert.deepEqual(lost, []);
  assert.deepEqual(disorders, []);
});
