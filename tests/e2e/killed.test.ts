/** An `up` that is killed at any point is made good by the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "k", net: 58 }));

const [, second = ""] = lab.brokers;
const [balancer = ""] = lab.balancers;

/** Kills the CLI of an `up` when it creates a resource, with a lab on which no `up` has yet come so far. */
async function killAt(resource: string): Promise<void> {
  const made = (await lab.resources()).some(({ urn }) => urn.endsWith(`::${resource}`));
  if (made) await lab.must("destroy");
  const running = await lab.upUntil(new RegExp(`${resource} creating`));
  await running.killCli("SIGKILL");
  assert.notEqual(await running.ended(), 0);
  assert.equal(await settled(() => running.survivors()), "", "these outlived the engine");
}

test("the CLI is killed while packages are installed", () => killAt(`${second}-packages`));

test("the CLI is killed between the members", () => killAt(`${second}-member`));

test("it is killed while the address comes up; the next up clears the lock and what was pending, and ends whole", async () => {
  await killAt(`virtual-address-${balancer}-service`);
  const output = await lab.must("up");
  assert.match(output, /the last run on stack test-k was killed; removing its lock/);
  await lab.must("verify");
  await lab.must("up", "--expect-no-changes");
});

test("Ctrl-C ends an up in order, and the next one ends whole", async () => {
  await lab.ensureUp("");
  await lab.configure("  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1000 } }");
  const running = await lab.upUntil(new RegExp(`${second}-restart updating`));
  running.interrupt();
  assert.notEqual(await running.ended(), 0, tail(running.output));
  assert.equal(await settled(() => running.survivors()), "");
  await lab.must("up");
  await lab.must("up", "--expect-no-changes");
});

test("a lock whose process lives is respected", async () => {
  await lab.ensureUp();
  await lab.configure("  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1001 } }");
  const running = await lab.upUntil(new RegExp(`${second}-restart updating`));
  const { code, output } = await lab.npm("up");
  assert.equal(code, 1);
  assert.match(output, /stack test-k is being worked on by process \d+; wait for it, or end it first/);
  assert.equal(await running.ended(), 0, tail(running.output));
});

/** Polls for an empty answer for 15 s. @returns the last answer */
async function settled(ask: () => Promise<string>): Promise<string> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (answer === "" || Date.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
