/** The kind of queues: its default by the version of RabbitMQ, what it brings with it, and what is refused. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig, type RabbitmqConfig } from "../../../config/config.ts";
import { queueWarning } from "../../../config/queues.ts";
import { draft, refuses, type Changes } from "./draft.ts";

const parse = (changes: Changes): RabbitmqConfig => parseConfig(draft(changes)).rabbitmq;
const four = { os: "debian-13" };
const quorum = { "rabbitmq.queues": "quorum" };
const limit = { name: "quorum-all", pattern: "^", definition: { "delivery-limit": 20 } };

test("up to RabbitMQ 3.13 queues are mirrored, and no line of rabbitmq.conf is added", () => {
  const { queues, policy, policyAppliesTo, queueType, settings } = parse({});
  assert.deepEqual(
    [queues, policy.name, policyAppliesTo, queueType],
    ["mirrored", "ha-all", "all", "classic"],
  );
  assert.deepEqual(settings, {});
});

test("from RabbitMQ 4.0 on queues are quorum queues, with RabbitMQ's own delivery limit", () => {
  const { queues, policy, policyAppliesTo, queueType, settings } = parse(four);
  assert.deepEqual([queues, policyAppliesTo, queueType], ["quorum", "quorum_queues", "quorum"]);
  assert.deepEqual(policy, limit);
  assert.deepEqual(settings, { default_queue_type: "quorum" });
});

test("a stated version decides, not the system", () => {
  const version = (text: string): Changes => ({ "packages.rabbitmq.version": text });
  assert.equal(parse(version("4.2.9-1")).queues, "quorum");
  assert.equal(parse({ ...four, ...version("3.13.7-1") }).queues, "mirrored");
});

test("quorum queues may be had earlier, where the virtual host alone has the default type", () => {
  const { policy, policyAppliesTo, queueType, settings } = parse(quorum);
  assert.deepEqual([policy, policyAppliesTo, queueType, settings], [limit, "queues", "quorum", {}]);
});

test("rabbitmq.conf has the default type from 3.13.3 on, and RabbitMQ 3.9 has none", () => {
  const of = (text: string): RabbitmqConfig => parse({ ...quorum, "packages.rabbitmq.version": text });
  assert.deepEqual(of("3.13.2-1").settings, {});
  assert.deepEqual(of("3.13.3-1").settings, { default_queue_type: "quorum" });
  assert.deepEqual(of("3.13.20-1").settings, { default_queue_type: "quorum" });
  assert.equal(of("3.13.2-1").queueType, "quorum");
  assert.equal(of("3.9.16-1").queueType, "classic");
  assert.match(queueWarning(of("3.9.16-1")) ?? "", /no default queue type/);
  assert.equal(queueWarning(of("3.13.2-1")), undefined);
  assert.equal(queueWarning(parse({})), undefined);
});

test("with MQTT the nodes have no default type, which would be that of exclusive queues, too", () => {
  for (const plugin of ["rabbitmq_mqtt", "rabbitmq_web_mqtt"]) {
    const plugins = ["rabbitmq_management", plugin];
    const { settings, queueType } = parse({ ...four, "rabbitmq.plugins": plugins });
    assert.deepEqual([settings, queueType], [{ "mqtt.durable_queue_type": "quorum" }, "quorum"]);
    assert.deepEqual(parse({ ...quorum, "rabbitmq.plugins": plugins }).settings, {});
    refuses({ ...four, "rabbitmq.plugins": plugins, "rabbitmq.settings": { default_queue_type: "quorum" } }, [
      `rabbitmq.settings.default_queue_type = "quorum": MQTT (${plugin}) then refuses subscriptions with QoS 1 in clean sessions; remove it: with rabbitmq.queues: quorum each virtual host has that type, and mqtt.durable_queue_type is quorum`,
    ]);
  }
});

test("a default type among the settings wins", () => {
  const settings = { default_queue_type: "classic" };
  const given = parse({ ...four, "rabbitmq.settings": settings });
  assert.deepEqual([given.settings, given.queueType, given.queues], [settings, "classic", "quorum"]);
});

test("a definition of the user's own applies to all, as before; the rest of the policy keeps its defaults", () => {
  const given = parse({ ...four, "rabbitmq.policy": { definition: { "max-length": 5 } } });
  assert.deepEqual(given.policy, { ...limit, definition: { "max-length": 5 } });
  assert.equal(given.policyAppliesTo, "all");
  assert.equal(parse({ "rabbitmq.policy": { definition: { "max-length": 5 } } }).policy.name, "ha-all");
});

test("refuses mirrors where RabbitMQ has none", () => {
  const mirrors = { "rabbitmq.queues": "mirrored" };
  refuses({ ...four, ...mirrors }, [
    'rabbitmq.queues = "mirrored": RabbitMQ 4.0 (as debian-13 is known to install) has no mirrored queues; write quorum, or leave the key out',
  ]);
  refuses({ ...mirrors, "packages.rabbitmq.version": "4.2.9-1" }, [
    'rabbitmq.queues = "mirrored": RabbitMQ 4.2.9-1 (as packages.rabbitmq states) has no mirrored queues; write quorum, or leave the key out',
  ]);
});

test("refuses a policy of mirrored queues for quorum queues", () => {
  const policy = { "rabbitmq.policy.definition": { "ha-mode": "all" } };
  refuses({ ...four, ...policy }, [
    "rabbitmq.policy.definition.ha-mode: RabbitMQ 4.0 (as debian-13 is known to install) has no mirrored queues; remove rabbitmq.policy to have quorum queues, or choose an os with RabbitMQ 3",
  ]);
  refuses({ ...quorum, ...policy }, [
    "rabbitmq.policy.definition.ha-mode: is of mirrored queues, and rabbitmq.queues is quorum; remove rabbitmq.policy, or write rabbitmq.queues: mirrored",
  ]);
});

test("refuses another kind", () => {
  refuses({ "rabbitmq.queues": "streams" }, [
    'rabbitmq.queues = "streams": not a kind of queues; write mirrored or quorum',
  ]);
});
