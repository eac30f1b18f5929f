/** Another machine in a broker's place, the first one's at that: it leaves, joins and has its copies, under load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemOf } from "../../testbed/chaos/suite.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { contents, publish } from "../support/messages.ts";
import { holders } from "../support/copies.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

// Queues of this name have no mirrors.
const settings = '  rabbitmq-ha:rabbitmq: { policy: { pattern: "^(?!alone)" } }';
const lab = useStack(new LabStack({ name: "y", net: 72 }), { settings });
const [first = "", second = "", third = ""] = lab.brokers;
const everyone = [first, second, third].sort();
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

/** What makes a machine another one. */
const born = (host: string): Promise<string> => lab.on(host, "stat -c %W.%Z /etc/ssh/ssh_host_ed25519_key");

test("the first broker's machine is replaced: previewed as that alone, nothing confirmed is lost", async (context) => {
  await lab.ensureUp(settings);
  await publish(await lab.connect(), "mirrored", messages);
  await publish(await lab.connect(), "quorum", messages, "quorum");
  const preview = await lab.must("preview", "--replace", first);
  const replaced = [...preview.matchAll(/^ *\+- +\S+ +(\S+) /gm)].map(([, name = ""]) => name);
  assert.ok(replaced.includes(`${first}-machine`) && replaced.includes(`${first}-leave`), tail(preview));
  const about = new RegExp(`^(${first}-|cluster-|mirror-policy-set$)`);
  assert.deepEqual(
    replaced.filter((name) => !about.test(name)),
    [],
  );

  const before = await born(first);
  const system = await systemOf(lab);
  let output = "";
  const traffic = await underLoad(system, "replace", async () => {
    output = await lab.must("up", "--replace", first);
  });
  context.diagnostic(
    `${traffic.confirmed} confirmed, longest silence ${traffic.longestSilence.toFixed(0)} ms`,
  );
  for (const words of ["gives up its places", "drains", "stops", "has left; members are"]) {
    assert.match(output, new RegExp(`${first}: ${words}`), tail(output, 200));
  }
  assert.notEqual(await born(first), before);
  assert.match(output, /stack test-y is whole/);
  assert.deepEqual(await holders(lab, second, "mirrored"), everyone);
  assert.deepEqual(await holders(lab, second, "quorum"), everyone);
  assert.deepEqual(await contents(await lab.connect(), "mirrored"), messages);
  assert.deepEqual(await contents(await lab.connect(), "quorum"), messages);
});

test("a broker that has the only copy of a queue stays, and so does one that the others cannot do without", async () => {
  await lab.ensureUp(settings);
  const uri = new URL(String(await lab.output("amqpUri")));
  uri.hostname = (await systemOf(lab)).brokers.find(({ name }) => name === third)?.address ?? "";
  await publish(await lab.connect(uri.href), "alone", messages);
  const before = await born(third);
  const refused = await lab.npm("up", "--replace", third);
  assert.notEqual(refused.code, 0);
  assert.match(
    refused.output,
    new RegExp(`${third} does not leave the cluster: it has the only copy of 1 queues: alone`),
  );
  assert.equal(await born(third), before);

  try {
    await lab.on(second, "systemctl stop rabbitmq-server");
    const both = await lab.npm("up", "--replace", third);
    assert.notEqual(both.code, 0);
    assert.match(
      both.output,
      new RegExp(`${third} does not leave the cluster: ${second} would have to run beside it`),
    );
  } finally {
    await lab.on(second, "systemctl start rabbitmq-server");
  }

  const output = await lab.must("up");
  assert.match(output, /stack test-y is whole/);
  assert.deepEqual(await contents(await lab.connect(uri.href), "alone"), messages);
});
