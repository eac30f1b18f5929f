/** The replacement of a broker's machine under load, also the first broker's: it leaves, joins and gets its copies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { readMessages, publish } from "../support/messages.ts";
import { brokersWithCopy } from "../support/copies.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

// Queues whose name begins with `alone` have no mirrors.
const settings = '  rabbitmq-ha:rabbitmq: { policy: { pattern: "^(?!alone)" } }';
const lab = useStack(new LabStack({ name: "y", net: 72 }), { settings });
const [first = "", second = "", third = ""] = lab.brokers;
const everyone = [first, second, third].sort();
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

/** A text that differs between two machines of the same name. */
const machineIdentity = (host: string): Promise<string> =>
  lab.runOn(host, "stat -c %W.%Z /etc/ssh/ssh_host_ed25519_key");

test("replacing the first broker's machine replaces only its own resources and loses no confirmed message", async (context) => {
  await lab.ensureUp(settings);
  await publish(await lab.connect(), "mirrored", messages);
  await publish(await lab.connect(), "quorum", messages, "quorum");
  const preview = await lab.runOrThrow("preview", "--replace", first);
  const replaced = [...preview.matchAll(/^ *\+- +\S+ +(\S+) /gm)].map(([, name = ""]) => name);
  assert.ok(replaced.includes(`${first}-machine`) && replaced.includes(`${first}-leave`), tail(preview));
  const about = new RegExp(`^(${first}-|cluster-|mirror-policy-set$)`);
  assert.deepEqual(
    replaced.filter((name) => !about.test(name)),
    [],
  );

  const before = await machineIdentity(first);
  const system = await readSystem(lab);
  let output = "";
  const traffic = await underLoad(system, "replace", async () => {
    output = await lab.runOrThrow("up", "--replace", first);
  });
  context.diagnostic(
    `${traffic.confirmed} confirmed, longest silence ${traffic.longestSilenceMs.toFixed(0)} ms`,
  );
  for (const words of ["removes its members", "drains", "stops", "has left; members are"]) {
    assert.match(output, new RegExp(`${first}: ${words}`), tail(output, 200));
  }
  assert.match(output, /definitions backed up before replace, in [\d.]+ s: \S+-before-replace\.backup$/m);
  assert.notEqual(await machineIdentity(first), before);
  assert.match(output, /stack test-y is healthy/);
  assert.deepEqual(await brokersWithCopy(lab, second, "mirrored"), everyone);
  assert.deepEqual(await brokersWithCopy(lab, second, "quorum"), everyone);
  assert.deepEqual(await readMessages(await lab.connect(), "mirrored"), messages);
  assert.deepEqual(await readMessages(await lab.connect(), "quorum"), messages);
});

test("up refuses to replace a broker that has the only copy of a queue, or while another broker is stopped", async () => {
  await lab.ensureUp(settings);
  const uri = new URL(String(await lab.output("amqpUri")));
  uri.hostname = (await readSystem(lab)).brokers.find(({ name }) => name === third)?.address ?? "";
  await publish(await lab.connect(uri.href), "alone", messages);
  const before = await machineIdentity(third);
  const refused = await lab.npm("up", "--replace", third);
  assert.notEqual(refused.code, 0);
  assert.match(
    refused.output,
    new RegExp(`${third} does not leave the cluster: it has the only copy of 1 queues: alone`),
  );
  assert.equal(await machineIdentity(third), before);

  try {
    await lab.runOn(second, "systemctl stop rabbitmq-server");
    const both = await lab.npm("up", "--replace", third);
    assert.notEqual(both.code, 0);
    assert.match(
      both.output,
      new RegExp(`${third} does not leave the cluster: ${second} would have to run beside it`),
    );
  } finally {
    await lab.runOn(second, "systemctl start rabbitmq-server");
  }

  const output = await lab.runOrThrow("up");
  assert.match(output, /stack test-y is healthy/);
  assert.deepEqual(await readMessages(await lab.connect(uri.href), "alone"), messages);
});
