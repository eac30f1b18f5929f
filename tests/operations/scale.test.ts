/** More brokers, fewer brokers, and the replacement of a dead machine, under load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { brokersWithCopy } from "../support/copies.ts";
import { readMessages, publish } from "../support/messages.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "z", net: 73, size: 5 }));
const [first = "", second = "", third = "", fourth = "", fifth = ""] = lab.brokers;
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
const types = { mirrored: "classic", quorum: "quorum" } as const;

/** Up to RabbitMQ 3.12 the brokers with MQTT elect a leader among themselves. */
const withMqtt =
  "  rabbitmq-ha:rabbitmq: { plugins: [rabbitmq_management, rabbitmq_prometheus, rabbitmq_mqtt] }";

/** Publishes to a queue of each type. @param name the prefix of the queues' names */
async function fill(name: string): Promise<void> {
  for (const [kind, type] of Object.entries(types)) {
    await publish(await lab.connect(), `${name}-${kind}`, messages, type);
  }
}

/** Runs `up` under load. @returns what it printed */
async function up(name: string, ...flags: string[]): Promise<string> {
  let output = "";
  await underLoad(await readSystem(lab), name, async () => {
    output = await lab.runOrThrow("up", ...flags);
  });
  assert.match(output, /stack test-z is healthy/, tail(output));
  return output;
}

/**
 * Asserts that the queues have all messages, with a copy on exactly these brokers. The order does not count: a quorum
 * queue does not keep the order of messages that were delivered and returned.
 */
async function assertCopiesOn(name: string, ...brokers: readonly string[]): Promise<void> {
  const [reporter = ""] = brokers;
  for (const queue of Object.keys(types).map((kind) => `${name}-${kind}`)) {
    assert.deepEqual(await brokersWithCopy(lab, reporter, queue), brokers.toSorted(), queue);
    const found = await readMessages(await lab.connect(), queue);
    assert.deepEqual(found.toSorted(), messages.toSorted(), queue);
  }
}

/** Asserts that exactly these brokers elect MQTT's leader, where there is such an election. */
async function assertMqttMembers(...brokers: readonly string[]): Promise<void> {
  const [asked = ""] = brokers;
  const question =
    "case whereis(mqtt_node) of undefined -> none; _ -> element(2, ra:members({mqtt_node, node()}, 20000)) end";
  const said = await lab.runOn(asked, `rabbitmqctl -q eval '${question}.' </dev/null`);
  const expected = lab.release.version.startsWith("3.10.") ? brokers.toSorted() : [];
  assert.deepEqual(
    [...said.matchAll(/rabbit@([a-z0-9]+)/g)].map(([, name]) => name).toSorted(),
    expected,
    said,
  );
}

/** The position in the output of `up` at which the creation, update or replacement of a resource ends. */
function endOf(output: string, resource: string): number {
  const place = output.search(new RegExp(`command:remote:Command ${resource} (created|updated|replaced) `));
  assert.ok(place >= 0, `${resource} is not in:\n${tail(output, 300)}`);
  return place;
}

test("from three to five brokers: two join and get copies, none restarts, and the balancers are updated last", async () => {
  await lab.ensureUp(withMqtt, [first, second, third]);
  await fill("out");
  await lab.configure(withMqtt);
  const pids = (): Promise<string[]> =>
    Promise.all(
      [first, second, third].map((host) => lab.runOn(host, "systemctl show -p MainPID rabbitmq-server")),
    );
  const running = await pids();
  const output = await up("out");
  await assertCopiesOn("out", ...lab.brokers);
  await assertMqttMembers(...lab.brokers);
  assert.deepEqual(await pids(), running, "a broker that was there before was restarted");
  for (const balancer of lab.balancers) {
    assert.ok(endOf(output, `haproxy-${balancer}-serving`) > endOf(output, `${fifth}-member`));
  }
});

test("from five to three brokers: two leave the balancers, are drained, stopped and forgotten, the first one too", async () => {
  await lab.ensureUp(withMqtt);
  await fill("in");
  await lab.configure(withMqtt, [second, third, fourth]);
  const output = await up("in");
  for (const gone of [first, fifth]) {
    const words = ["removes its members", "drains", "stops", "has left"].map((each) =>
      output.indexOf(`${gone}: ${each}`),
    );
    assert.ok(
      words.every((place) => place >= 0),
      tail(output, 300),
    );
    assert.deepEqual(
      words.toSorted((a, b) => a - b),
      words,
    );
    for (const balancer of lab.balancers) {
      assert.ok(endOf(output, `haproxy-${balancer}-serving`) < (words[0] ?? 0));
    }
  }
  await assertCopiesOn("in", second, third, fourth);
  await assertMqttMembers(second, third, fourth);
});

test("a dead machine is replaced: its broker is forgotten without a drain, and no message is lost", async () => {
  await lab.ensureUp(withMqtt, [second, third, fourth]);
  await fill("dead");
  const system = await readSystem(lab);
  let output = "";
  await underLoad(system, "dead", async () => {
    await powerOff(third);
    // The new machine is on already. If there is none, the old one is switched on again, unless it is gone.
    output = await lab
      .runOrThrow("up", "--replace", third)
      .finally(() => powerOn(third).catch(() => undefined));
  });
  assert.match(output, new RegExp(`${third}: does not run, so it is forgotten as it is`));
  assert.match(output, /stack test-z is healthy/, tail(output));
  await assertCopiesOn("dead", second, third, fourth);
  await assertMqttMembers(second, third, fourth);
});

test("a second up changes nothing", async () => {
  await lab.ensureUp();
  await lab.runOrThrow("up", "--expect-no-changes");
});
