/**
 * The replacement of a machine under load: a broker's, also the first one's, which leaves, joins and gets its copies; and a
 * balancer's, whose place the other one takes.
 */
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
const [balancer = "", otherBalancer = ""] = lab.balancers;
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

test("an up that is killed once the broker has left is completed by the next one, which joins it again", async () => {
  await lab.ensureUp(settings);
  await publish(await lab.connect(), "kept", messages);
  const before = await machineIdentity(second);
  const running = await lab.upUntil(new RegExp(`${second}-leave deleted`), "--replace", second);
  await running.killCli("SIGKILL");
  assert.notEqual(await running.exitCode(), 0);
  const output = await lab.runOrThrow("up");
  assert.match(output, /stack test-y is healthy/);
  // The machine is not another one, unless the engine was quicker than the kill.
  if ((await machineIdentity(second)) === before) assert.match(output, new RegExp(`${second}-member creat`));
  assert.deepEqual(await brokersWithCopy(lab, first, "kept"), everyone);
  assert.deepEqual(await readMessages(await lab.connect(), "kept"), messages);
});

test("the machine of the balancer that has the address is replaced, and clients are served by the other one", async (context) => {
  await lab.ensureUp(settings);
  const before = await machineIdentity(balancer);
  let output = "";
  const traffic = await underLoad(
    await readSystem(lab),
    "balancer",
    async () => {
      output = await lab.runOrThrow("up", "--replace", balancer);
    },
    // The address moves twice, once without the former holder's farewell.
    3000,
  );
  context.diagnostic(
    `${traffic.confirmed} confirmed, longest silence ${traffic.longestSilenceMs.toFixed(0)} ms`,
  );
  assert.notEqual(await machineIdentity(balancer), before);
  assert.match(output, /stack test-y is healthy/);
});

test("no balancer's machine goes while no other one leads to a broker", async () => {
  await lab.ensureUp(settings);
  const identities = (): Promise<string[]> => Promise.all(lab.balancers.map(machineIdentity));
  const before = await identities();
  const system = await readSystem(lab);
  try {
    await lab.runOn(otherBalancer, "systemctl stop haproxy");
    const refused = await lab.npm("up", "--replace", balancer);
    assert.notEqual(refused.code, 0);
    assert.match(
      refused.output,
      new RegExp(`the machine of ${balancer} is not taken away: it leads to a broker, and `),
      tail(refused.output),
    );
    assert.deepEqual(await identities(), before);
  } finally {
    await lab.runOn(otherBalancer, "systemctl start haproxy");
  }
  await lab.runOrThrow("up");

  // Both at once, which the npm scripts do not even try: the second one stays, since the first one is being made anew.
  const urns = (await lab.resources()).map(({ urn }) => urn);
  const machines = lab.balancers.map((name) => urns.find((urn) => urn.endsWith(`::${name}-machine`)) ?? "");
  await underLoad(
    system,
    "both",
    async () => {
      const flags = machines.flatMap((urn) => ["--replace", urn]);
      await assert.rejects(
        lab.pulumi("up", "--yes", "--skip-preview", ...flags),
        new RegExp(`the machine of ${otherBalancer} is not taken away`),
      );
      assert.match(await lab.runOrThrow("up"), /stack test-y is healthy/);
    },
    3000,
  );
  const [mine, others] = await identities();
  assert.notEqual(mine, before[0]);
  assert.equal(others, before[1]);
});
