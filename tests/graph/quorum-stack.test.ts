/** A stack with RabbitMQ 4, and with quorum queues where they are chosen: the policy's steps, its state, rabbitmq.conf. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { devConfig, type ConfigBlocks } from "../support/dev-stack.ts";
import { runProgram, type ProgramRun } from "../support/program.ts";

let four: ProgramRun;
let three: ProgramRun;
before(async () => {
  const { policy: _, ...rabbitmq } = devConfig()["rabbitmq"] as ConfigBlocks;
  four = await runProgram({ config: { ...devConfig(), os: "debian-13", rabbitmq } });
  three = await runProgram({ config: { ...devConfig(), rabbitmq: { ...rabbitmq, queues: "quorum" } } });
});

function command(run: ProgramRun, name: string, key = "create"): string {
  return String(run.graph.get(name).inputs[key]).replace(/ # .*/, "");
}

const set = (kind: string): string =>
  `rabbitmq-ha policy --name quorum-all --pattern '^' --definition '{"delivery-limit":20}' --apply-to ${kind} --queue-type quorum --members cent120,cent121,cent122`;

test("the policy of quorum queues is set, with the default type of queues, as the series can", () => {
  assert.equal(command(four, "quorum-policy-set"), set("quorum_queues"));
  assert.equal(command(three, "quorum-policy-set"), set("queues"));
  assert.equal(
    command(four, "quorum-policy-undo", "delete"),
    "rabbitmq-ha policy --clear --name quorum-all --members cent120,cent121,cent122",
  );
});

test("rabbitmq.conf has the default type where RabbitMQ knows it there", () => {
  const conf = (run: ProgramRun): string => JSON.stringify(run.graph.get("cent120-config").inputs);
  assert.match(conf(four), /default_queue_type = quorum/);
  assert.doesNotMatch(conf(three), /default_queue_type/);
});

test("a stack that had MirrorPolicy keeps the steps, so that its undo does not clear the new policy", () => {
  // The engine derives the steps' aliases from their component's.
  const { aliases } = four.graph.get("quorum-policy");
  assert.match(JSON.stringify(aliases), /"name":"mirror-policy","type":"rabbitmq-ha:index:MirrorPolicy"/);
  assert.equal(four.graph.nodes.filter(({ name }) => name.startsWith("mirror-policy")).length, 0);
});

test("the outputs say what verify has to expect", () => {
  for (const run of [four, three]) {
    assert.equal(run.outputs["queues"], "quorum");
    assert.equal((run.outputs["expected"] as ConfigBlocks)["queueType"], "quorum");
  }
});
