/** Changes by hand: only verify notices them, and `up --repair` reverts them and replaces nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import amqp from "amqplib";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { readMessages, publish, deleteQueue } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "r", net: 65 }));
const [first = "", second = "", third = ""] = lab.brokers;
const [, balancer = ""] = lab.balancers;

const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

/** Connects to one broker, so that it leads the queues declared there. */
async function connect(broker: string): Promise<amqp.ChannelModel> {
  const uri = new URL(String(await lab.output("amqpUri")));
  uri.hostname = lab.virtualAddress.replace(/\d+$/, broker.slice(-3));
  return amqp.connect(uri.href);
}

/** The name of each queue and the number of its synchronised mirrors, as a broker reports them. */
function mirrors(broker: string): Promise<string> {
  const list = "list_queues name synchronised_slave_pids --no-table-headers";
  return lab.runOn(
    broker,
    `rabbitmqctl -q ${list} </dev/null | awk -F'\\t' '{ print $1, gsub("<", "", $2) }' | sort`,
  );
}

/** The ID of every resource; it changes when the resource is replaced, and only then. */
async function ids(): Promise<Map<string, string>> {
  return new Map((await lab.resources()).map(({ urn, id = "" }) => [urn.split("::").at(-1) ?? "", id]));
}

async function replacedSince(old: ReadonlyMap<string, string>): Promise<string[]> {
  const now = await ids();
  assert.deepEqual([...now.keys()].sort(), [...old.keys()].sort());
  return [...now].filter(([name, id]) => old.get(name) !== id).map(([name]) => name);
}

/** The resources behind the damage that is done below. */
const behind = ["cluster-admin", "cluster-name", "mirror-policy-set", `${second}-member`];
const services = [`${third}-service`, `haproxy-${balancer}-service`];

/** Whether all of the damage is done and not repaired yet. */
let damaged = false;

/** Makes by hand the changes that the first two tests need, unless the test before has made them. */
async function damage(): Promise<void> {
  if (damaged) return;
  await lab.ensureUp("");
  for (const [broker, queue] of [
    [first, "elsewhere"],
    [third, "here"],
  ] as const) {
    await deleteQueue(await connect(broker), queue);
    await publish(await connect(broker), queue, messages);
  }
  await lab.runOn(
    first,
    `rabbitmqctl -q clear_policy ha-all </dev/null
     rabbitmqctl -q add_user guest guest </dev/null
     rabbitmqctl -q set_cluster_name other </dev/null`,
  );
  // As when brokers start for the first time at the same moment: this one now lacks the flag for streams.
  await lab.runOn(
    second,
    "rabbitmqctl -q eval 'rabbit_feature_flags:mark_as_enabled_locally(stream_queue, false).' </dev/null",
  );
  // Its queue has no mirrors any more, so only this broker has the messages.
  await lab.runOn(third, "systemctl stop rabbitmq-server");
  await lab.runOn(balancer, "echo nonsense >>/etc/haproxy/haproxy.cfg && systemctl disable --now haproxy");
  damaged = true;
}

/** Brings the stack up without the damage, even if the test that repairs it has not run. */
async function ensureUndamaged(): Promise<void> {
  if (damaged) lab.markStateUnknown();
  damaged = false;
  await lab.ensureUp("");
}

/** Waits until both mirrors of every queue are synchronised. @returns the queues, as `mirrors` does */
async function mirrored(): Promise<string> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await mirrors(first);
    if (found.split("\n").every((line) => line.endsWith(" 2"))) return found;
    assert.ok(Date.now() < deadline, `mirrors are not synchronised after 30 s:\n${found}`);
  }
}

test("verify lists all changes by hand and the resources behind them; a plain up replaces nothing", async () => {
  await damage();
  const old = await ids();
  const { code, output } = await lab.npm("up", "--expect-no-changes");
  assert.notEqual(code, 0);
  assert.match(output, /The stack is up and some checks failed.*npm run up -- --repair --stack test-r/);
  for (const [row, name] of [
    [`policy +${first}`, "mirror-policy-set"],
    ["users +cluster", "cluster-admin"],
    [`cluster name +${first}`, "cluster-name"],
    ["feature flags +cluster", `${second}-member`],
    [`services +${third}`, `${third}-service`],
    [`services +${balancer}`, `haproxy-${balancer}-service`],
    [`files +${balancer}`, `haproxy-${balancer}-config, haproxy-${balancer}-service`],
  ]) {
    assert.match(output, new RegExp(`^${row ?? ""} +FAILED +${name ?? ""} `, "m"));
  }
  assert.deepEqual(await replacedSince(old), []);
});

test("up --repair repairs all, replaces only the resources behind failed checks and loses no message", async () => {
  await damage();
  damaged = false;
  const old = await ids();
  const output = await lab.runOrThrow("up", "--repair");
  assert.match(output, /stack test-r is healthy/, tail(output));
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

  assert.deepEqual(await readMessages(await connect(first), "elsewhere"), messages);
  assert.deepEqual(await readMessages(await connect(third), "here"), messages);
  assert.equal(await mirrored(), "elsewhere 2\nhere 2");
});

test("up --repair finds nothing to repair in a healthy system, and replacing the policy removes no mirror", async () => {
  await ensureUndamaged();
  await publish(await connect(first), "unharmed", messages);
  await mirrored();
  const queues = (): Promise<string> =>
    lab.runOn(first, "rabbitmqctl -q list_queues name pid slave_pids </dev/null | sort");
  const before = await queues();
  const { urn = "" } =
    (await lab.resources()).find((resource) => resource.urn.endsWith("::mirror-policy-set")) ?? {};
  const output = await lab.runOrThrow("up", "--repair", "--replace", urn);
  assert.match(output, /there is nothing to repair/);
  assert.match(output, /1 replaced/);
  assert.equal(await queues(), before);
});

test("up --repair names a host that is off and replaces nothing", async () => {
  await ensureUndamaged();
  const old = await ids();
  const started = Date.now();
  await powerOff(balancer);
  const { code, output } = await lab.npm("up", "--repair").finally(() => powerOn(balancer));
  assert.notEqual(code, 0);
  assert.match(
    output,
    new RegExp(
      `${balancer} cannot be logged in to .*skipped: .*haproxy-${balancer}-service.*podman start ${balancer}`,
    ),
  );
  assert.ok(Date.now() - started < 90_000, tail(output));
  assert.deepEqual(await replacedSince(old), []);
});
