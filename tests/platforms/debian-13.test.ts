/** Debian 13, whose RabbitMQ 4 has no mirrored queues: mirrors are refused before anything runs, and quorum queues work. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack } from "../../testbed/existing/existing-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "i", subnet: "192.168.95.0/24", os: "debian-13" }));

test("up refuses mirrored queues before anything runs, and says what to write", async () => {
  await stack.configure(`  rabbitmq-ha:rabbitmq: ${JSON.stringify({ queues: "mirrored" })}`);
  const { code, output } = await stack.npm("up");
  assert.notEqual(code, 0);
  assert.match(output, /no mirrored queues; write quorum/i, tail(output));
});

test("without a word about queues the system comes up with quorum queues, and a second up changes nothing", async () => {
  await stack.configure("");
  await stack.runOrThrow("up");
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});
