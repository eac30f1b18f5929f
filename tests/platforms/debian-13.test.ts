/** Debian 13, whose RabbitMQ 4 has no mirrored queues: the policy is refused, and quorum queues work. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack } from "../../testbed/machines/existing-stack.ts";
import { tail } from "../../testbed/labs/running-up.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "i", subnet: "192.168.95.0/24", os: "debian-13" }));

test("up refuses the policy that mirrors queues and suggests quorum queues", async () => {
  await stack.configure("");
  const { code, output } = await stack.npm("up");
  assert.notEqual(code, 0);
  assert.match(output, /no mirrored queues.*quorum/is, tail(output));
});

test("with quorum queues the system comes up, and a second up changes nothing", async () => {
  const policy = { name: "limits", pattern: "^", definition: { "delivery-limit": 20 } };
  const rabbitmq = { policy, settings: { default_queue_type: "quorum" } };
  await stack.configure(`  rabbitmq-ha:rabbitmq: ${JSON.stringify(rabbitmq)}`);
  await stack.runOrThrow("up");
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});
