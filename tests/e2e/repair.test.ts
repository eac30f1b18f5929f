/** What was changed by hand: seen by verify alone, and made good by `up --repair` without touching anything else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import amqp from "amqplib";
import { powerOff, powerOn } from "../../testbed/labs/hosts.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { contents, publish, remove } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "r", net: 65 }));
const [first = "", second = "", third = ""] = lab.brokers;
const [, balancer = ""] = lab.balancers;

const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

/** A connection to one broker, so that its queues are led there. */
async function connect(broker: string): Promise<amqp.ChannelModel> {
  const uri = new URL(String(await lab.output("amqpUri")));
  uri.hostname = lab.virtualAddress.replace(/\d+$/, broker.slice(-3));
  return amqp.connect(uri.href);
}

/** Of each queue its name and how many mirrors it has in sync, as a broker says. */
function mirrors(broker: string): Promise<string> {
  const list = "list_queues name synchronised_slave_pids --no-table-headers";
  return lab.on(
    broker,
    `rabbitmqctl -q ${list} </dev/null | awk -F'\\t' '{ print $1, gsub("<", "", $2) }' | sort`,
  );
}

/** The id of every resource, which changes when it is replaced and only then. */
async function ids(): Promise<Map<string, string>> {
  return new Map((await lab.resources()).map(({ urn, id = "" }) => [urn.split("::").at(-1) ?? "", id]));
}

async function replacedSince(old: ReadonlyMap<string, string>): Promise<string[]> {
  const now = await ids();
  assert.deepEqual([...now.keys()].sort(), [...old.keys()].sort());
  return [...now].filter(([name, id]) => old.get(name) !== id).map(([name]) => name);
}

/** What is behind the damage that is done below, with the files of the two services. */
const behind = ["cluster-admin", "cluster-name", "mirror-policy-set", `${second}-member`];
const services = [`${third}-service`, `haproxy-${balancer}-service`];

/** Whether the damage is there, all of it. */
let damaged = false;

/** Changes by hand what the first two tests are about; nothing if the test before has done it. */
async function damage(): Promise<void> {
  if (damaged) return;
  await lab.ensureUp("");
  for (const [broker, queue] of [
    [first, "elsewhere"],
    [third, "here"],
  ] as const) {
    await remove(await connect(broker), queue);
    await publish(await connect(broker), queue, messages);
  }
  await lab.on(
    first,
    `rabbitmqctl -q clear_policy ha-all </dev/null
     rabbitmqctl -q add_user guest guest </dev/null
     rabbitmqctl -q set_cluster_name other </dev/null`,
  );
  // As when the brokers' first starts meet: this one refuses streams from now on.
  await lab.on(
    second,
    "rabbitmqctl -q eval 'rabbit_feature_flags:mark_as_enabled_locally(stream_queue, false).' </dev/null",
  );
  // Its queue has no mirrors any more, so that its messages are on it alone.
  await lab.on(third, "systemctl stop rabbitmq-server");
  await lab.on(balancer, "echo nonsense >>/etc/haproxy/haproxy.cfg && systemctl disable --now haproxy");
  damaged = true;
}

/** Waits until every queue has both its mirrors in sync. @returns the queues, as `mirrors` does */
async function mirrored(): Promise<string> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await mirrors(first);
    if (found.split("\n").every((line) => line.endsWith(" 2"))) return found;
    assert.ok(Date.now() < deadline, `not in sync after 30 s:\n${found}`);
  }
}

test("verify names what was changed by hand, and up alone does nothing about it", async () => {
  await damage();
  const old = await ids();
  const { code, output } = await lab.npm("up", "--expect-no-changes");
  assert.notEqual(code, 0);
  assert.match(output, /The stack is up and its system is not whole.*npm run up -- --repair --stack test-r/);
  for (const [row, name] of [
    [`policy +${first}`, "mirror-policy-set"],
    ["users +cluster", "cluster-admin"],
    [`cluster name +${first}`, "cluster-name"],
    ["feature flags +cluster", `${second}-member`],
    [`services +${third}`, `${third}-service`],
    [`services +${balancer}`, `haproxy-${balancer}-service`],
  ]) {
    assert.match(output, new RegExp(`^${row ?? ""} +FAILED +${name ?? ""} `, "m"));
  }
  assert.deepEqual(await replacedSince(old), []);
});

test("repair makes the system whole, replaces nothing but what is behind it, and no message is lost", async () => {
  await damage();
  damaged = false;
  const old = await ids();
  const output = await lab.must("up", "--repair");
  assert.match(output, /stack test-r is whole/, tail(output));
  assert.match(output, /stack test-r was repaired in \d+ s/);
  assert.match(output, new RegExp(`^services +${balancer} +whole +haproxy-${balancer}-service `, "m"));

  const replaced = await replacedSince(old);
  for (const name of [...behind, ...services, `haproxy-${balancer}-config`])
    assert.ok(replaced.includes(name), name);
  const own = new RegExp(`^(${second}|${third}|haproxy-${balancer})-`);
  assert.deepEqual(
    replaced.filter((name) => !own.test(name) && !behind.includes(name)),
    [],
  );
  for (const kept of [`${third}-machine`, `${third}-ready`, `${third}-member`, "mirror-policy-undo"])
    assert.ok(!replaced.includes(kept), kept);

  assert.deepEqual(await contents(await connect(first), "elsewhere"), messages);
  assert.deepEqual(await contents(await connect(third), "here"), messages);
  assert.equal(await mirrored(), "elsewhere 2\nhere 2");
});

test("where all is whole there is nothing to repair, and a policy that is set again takes no mirror away", async () => {
  await lab.ensureUp("");
  await publish(await connect(first), "unharmed", messages);
  await mirrored();
  const queues = (): Promise<string> =>
    lab.on(first, "rabbitmqctl -q list_queues name pid slave_pids </dev/null | sort");
  const before = await queues();
  const { urn = "" } =
    (await lab.resources()).find((resource) => resource.urn.endsWith("::mirror-policy-set")) ?? {};
  const output = await lab.must("up", "--repair", "--replace", urn);
  assert.match(output, /there is nothing to repair/);
  assert.match(output, /1 replaced/);
  assert.equal(await queues(), before);
});

test("a host that is off is named and left alone", async () => {
  await lab.ensureUp("");
  const old = await ids();
  const started = Date.now();
  await powerOff(balancer);
  const { code, output } = await lab.npm("up", "--repair").finally(() => powerOn(balancer));
  assert.notEqual(code, 0);
  assert.match(
    output,
    new RegExp(
      `${balancer} cannot be logged in to .*left out are .*haproxy-${balancer}-service.*podman start ${balancer}`,
    ),
  );
  assert.ok(Date.now() - started < 90_000, tail(output));
  assert.deepEqual(await replacedSince(old), []);
});
