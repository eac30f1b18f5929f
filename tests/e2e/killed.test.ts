/** The next `up` completes an `up` that was killed at any point. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "k", net: 58 }));

const [, second = ""] = lab.brokers;
const [balancer = ""] = lab.balancers;

/** Kills the CLI of an `up` when it creates a resource. If an earlier `up` has created it, the lab is destroyed first. */
async function killAt(resource: string): Promise<void> {
  const made = (await lab.resources()).some(({ urn }) => urn.endsWith(`::${resource}`));
  if (made) await lab.runOrThrow("destroy");
  const running = await lab.upUntil(new RegExp(`${resource} creating`));
  await running.killCli("SIGKILL");
  assert.notEqual(await running.exitCode(), 0);
  assert.equal(await settled(() => running.listProcesses()), "", "these processes outlived the engine");
}

test("no process outlives a CLI that is killed while packages are installed", () =>
  killAt(`${second}-packages`));

test("no process outlives a CLI that is killed while the second broker joins", () =>
  killAt(`${second}-member`));

test("after a kill while the address comes up, the next up removes the lock and completes the system", async () => {
  await killAt(`virtual-address-${balancer}-service`);
  const output = await lab.runOrThrow("up");
  assert.match(output, /the last run on stack test-k was killed; removing its lock/);
  await lab.runOrThrow("verify");
  await lab.runOrThrow("up", "--expect-no-changes");
});

test("up refuses to run beside another one; Ctrl-C ends that one with all its processes, and the next up completes the system", async () => {
  await lab.ensureUp("");
  await lab.configure("  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1000 } }");
  const running = await lab.upUntil(new RegExp(`${second}-restart updating`));
  const { code, output } = await lab.npm("up");
  running.interrupt();
  assert.notEqual(await running.exitCode(), 0, tail(running.output));
  assert.equal(await settled(() => running.listProcesses()), "");
  assert.equal(code, 1);
  assert.match(output, /stack test-k is being worked on by process \d+; wait for it, or end it first/);
  await lab.runOrThrow("up");
  await lab.runOrThrow("up", "--expect-no-changes");
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
