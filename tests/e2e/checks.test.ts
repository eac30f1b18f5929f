/** What HAProxy and Keepalived take for well, each shown by what they must not take for it. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseServers } from "../../verify/balancers.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { useStack } from "../support/trial.ts";

const settings = "  rabbitmq-ha:haproxy: { avoidAlarms: true }";
const lab = useStack(new LabStack({ name: "h", net: 66 }), { settings });
const [first = "", second = "", third = ""] = lab.brokers;
const [balancer = ""] = lab.balancers;

beforeEach(() => lab.ensureUp(settings));
afterEach(async (context) => {
  // What was done to a broker from within is seen by no `up`; a restart takes it back.
  if ("passed" in context && !context.passed) {
    for (const broker of lab.brokers) await lab.on(broker, restart);
  }
  await reaches("every broker up", async () => new Set(Object.values(await states())), "UP");
});

/** Starts a broker anew whatever state it is in: one that hangs, too. */
const restart = `systemctl kill --signal=KILL rabbitmq-server || true
  systemctl reset-failed rabbitmq-server || true
  timeout 120 systemctl restart rabbitmq-server || true`;

/** HAProxy's word on each broker's AMQP port. */
async function states(): Promise<Record<string, string>> {
  const csv = await lab.on(
    balancer,
    "echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock",
  );
  const servers = parseServers(csv).filter(({ proxy }) => proxy === "rabbitmq_cluster");
  return Object.fromEntries(servers.map(({ name, status }) => [name, status]));
}

/** Waits until what is seen is nothing but the wanted text. */
async function reaches(what: string, see: () => Promise<Set<string>>, wanted: string): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const seen = [...(await see())].join(", ");
    if (seen === wanted) return;
    assert.ok(Date.now() < deadline, `waited 90 s for ${what}: ${wanted}, and it was ${seen}`);
    await pause(250);
  }
}

const one = (broker: string) => async (): Promise<Set<string>> =>
  new Set([(await states())[broker] ?? "none"]);

/** How many sessions the balancer has ever given a broker. */
async function sessions(broker: string): Promise<number> {
  const script = `echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock |
    awk -F, '$1 == "rabbitmq_cluster" && $2 == "${broker}" { print $8 }'`;
  return Number(await lab.on(balancer, script));
}

test("a broker that is stopped, or starts, gets nobody", async () => {
  try {
    await lab.on(second, "systemctl stop rabbitmq-server");
    await reaches(`${second} to be down`, one(second), "DOWN");
  } finally {
    // Not before its boot is done: until then nothing of it listens.
    await lab.on(second, "systemctl start --no-block rabbitmq-server");
  }
  let status = "";
  const deadline = Date.now() + 120_000;
  for (let active = ""; active !== "active";) {
    assert.ok(Date.now() < deadline, `${second} is ${active} after 120 s`);
    status = (await states())[second] ?? "";
    active = (await lab.on(second, "systemctl is-active rabbitmq-server || true")).trim();
    if (active === "activating") assert.match(status, /^DOWN/, "a starting broker counts as up");
  }
});

test("a broker that hangs in its start is started anew by its host", async () => {
  await lab.on(
    second,
    `systemctl stop rabbitmq-server; systemctl start --no-block rabbitmq-server
    until broker=$(pgrep -o -u rabbitmq -x beam.smp); do sleep 0.1; done
    sleep 2; kill -STOP $broker; systemctl is-active rabbitmq-server | grep -x activating`,
  );
  await reaches(`${second} to be down`, one(second), "DOWN");
  await lab.on(
    second,
    "timeout 120 bash -c 'until systemctl -q is-active rabbitmq-server; do sleep 1; done'",
  );
  const journal = await lab.on(second, "journalctl -u rabbitmq-ha-watch -o cat --no-pager");
  assert.match(journal, /has not served for \d+ s .*: restarting/);
});

test("a plug-in that gave up is started again by its host, and the broker serves on", async () => {
  const serving = (await lab.on(second, "systemctl show -p MainPID rabbitmq-server")).trim();
  // Its parts are killed faster than their supervisor allows: that ends, while the plug-in still counts as running.
  await lab.on(
    second,
    `timeout 60 rabbitmqctl -q eval '[catch [exit(Pid, kill) || {_, Pid, _, _} <- supervisor:which_children(rabbit_mgmt_agent_sup)] ||
        _ <- lists:seq(1, 50)], timer:sleep(100), undefined = whereis(rabbit_mgmt_external_stats).' </dev/null`,
  );
  await lab.on(
    second,
    "timeout 90 bash -c 'until journalctl -u rabbitmq-ha-watch -o cat --no-pager |" +
      ' grep "started again what had given up: .*rabbitmq_management_agent"; do sleep 1; done\'',
  );
  await lab.on(
    second,
    "rabbitmqctl -q eval 'true = is_pid(whereis(rabbit_mgmt_external_stats)).' </dev/null",
  );
  assert.equal((await lab.on(second, "systemctl show -p MainPID rabbitmq-server")).trim(), serving);
});

test("a broker that another one passes over is restarted by its host", async () => {
  const running = "length(mnesia:system_info(running_db_nodes))";
  // What Mnesia does when a connection breaks, here on one side, since RabbitMQ sees and heals some of the real breaks.
  await lab.on(
    first,
    `timeout 60 rabbitmqctl -q eval "whereis(mnesia_monitor) ! {'EXIT',
      rpc:call('rabbit@${third}', erlang, whereis, [mnesia_monitor]), noconnection},
      timer:sleep(500), ${lab.brokers.length - 1} = ${running}." </dev/null`,
  );
  await lab.on(
    first,
    `timeout 150 bash -c 'until rabbitmqctl -q eval "${lab.brokers.length} = ${running}." </dev/null >/dev/null 2>&1
      do sleep 1; done'`,
  );
  const journal = await lab.on(third, "journalctl -u rabbitmq-ha-watch -o cat --no-pager");
  assert.match(journal, /the rest of the cluster no longer tells it what changes: restarting/);
  await reaches(`${third} to be up`, one(third), "UP");
});

/** Waits until the host has said why it leaves its broker alone, and sees that it has not restarted it. */
async function isLeftAlone(broker: string, since: string, why: string): Promise<void> {
  const ask = `journalctl -u rabbitmq-ha-watch -o cat --no-pager --since @${since.trim()}`;
  await lab.on(broker, `timeout 120 bash -c 'until ${ask} | grep "is left alone: ${why}"; do sleep 1; done'`);
  assert.equal((await states())[broker], "DOWN");
  assert.doesNotMatch(await lab.on(broker, ask), /restarting/);
}

test("a broker that is drained gets nobody, and its host leaves it alone, which says so", async () => {
  const began = await lab.on(second, "date +%s");
  await lab.on(second, "rabbitmq-upgrade -q drain </dev/null");
  try {
    await reaches(`${second} to be down`, one(second), "DOWN");
    await isLeftAlone(second, began, "it is being drained");
  } finally {
    await lab.on(second, "rabbitmq-upgrade -q revive </dev/null");
  }
});

test("a broker whose listeners are suspended is left alone by its host, which says so", async () => {
  const began = await lab.on(second, "date +%s");
  try {
    await lab.on(second, "rabbitmqctl -q suspend_listeners </dev/null");
    await reaches(`${second} to be down`, one(second), "DOWN");
    await isLeftAlone(second, began, "its listeners were suspended");
  } finally {
    await lab.on(second, "rabbitmqctl -q resume_listeners </dev/null");
  }
});

test("a broker that has paused itself gets nobody, and comes back by itself", async () => {
  const routes = (verb: "add" | "del"): string =>
    lab.brokers
      .filter((name) => name !== second)
      .map((name) => `ip route ${verb} unreachable $(getent hosts ${name} | cut -d' ' -f1)/32`)
      .join("; ");
  try {
    await lab.on(second, routes("add"));
    await reaches(`${second} to be down`, one(second), "DOWN");
  } finally {
    await lab.on(second, routes("del"));
  }
});

test("a broker in alarm gets no new connections, where the user so chooses", async () => {
  await lab.on(first, "rabbitmqctl -q set_disk_free_limit 900000GB </dev/null");
  try {
    await reaches(`${first} to be drained`, one(first), "DRAIN (agent)");
    const before = await sessions(first);
    for (let count = 0; count < 6; count += 1) await (await lab.connect()).close();
    assert.equal(await sessions(first), before, "a new connection came to the broker in alarm");
  } finally {
    await lab.on(first, "rabbitmqctl -q set_disk_free_limit 1GB </dev/null");
  }
});

/** The exit code of Keepalived's own check, run as Keepalived runs it. */
async function check(): Promise<number> {
  return Number(
    await lab.on(
      balancer,
      "code=0; runuser -u haproxy -- /usr/local/lib/rabbitmq-ha/check-haproxy || code=$?; echo $code",
    ),
  );
}

test("Keepalived's check passes for HAProxy that answers, and fails for one that hangs or is stopped", async () => {
  assert.equal(await check(), 0);
  await lab.on(balancer, "systemctl kill --signal=STOP haproxy");
  const hung = await check().finally(() => lab.on(balancer, "systemctl kill --signal=CONT haproxy"));
  assert.notEqual(hung, 0, "a hung HAProxy passes");
  assert.equal(await check(), 0);
  await lab.on(balancer, "systemctl stop haproxy");
  const stopped = await check().finally(() => lab.on(balancer, "systemctl start haproxy"));
  assert.notEqual(stopped, 0, "a stopped HAProxy passes");
});
