/** The health checks of HAProxy and Keepalived, and the repairs by a broker's own host, in each fault. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseServers } from "../../verify/checks/balancers.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { useStack } from "../support/trial.ts";

const settings = "  rabbitmq-ha:haproxy: { avoidAlarms: true }";
const lab = useStack(new LabStack({ name: "h", net: 66 }), { settings });
const [first = "", second = "", third = ""] = lab.brokers;
const [balancer = "", backup = ""] = lab.balancers;

beforeEach(() => lab.ensureUp(settings));
afterEach(async (context) => {
  // No `up` notices changes inside a running broker; a restart reverts them.
  if ("passed" in context && !context.passed) {
    for (const broker of lab.brokers) await lab.runOn(broker, restart);
  }
  await reaches("every broker up", async () => new Set(Object.values(await states())), "UP");
});

/** Restarts a broker in any state, even if it hangs. */
const restart = `systemctl kill --signal=KILL rabbitmq-server || true
  systemctl reset-failed rabbitmq-server || true
  timeout 120 systemctl restart rabbitmq-server || true`;

/** HAProxy's status of each broker's AMQP port. */
async function states(): Promise<Record<string, string>> {
  const csv = await lab.runOn(
    balancer,
    "echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock",
  );
  const servers = parseServers(csv).filter(({ proxy }) => proxy === "rabbitmq_cluster");
  return Object.fromEntries(servers.map(({ name, status }) => [name, status]));
}

/** Waits until the observed values are nothing but the wanted one. */
async function reaches(what: string, see: () => Promise<Set<string>>, wanted: string): Promise<void> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    const seen = [...(await see())].join(", ");
    if (seen === wanted) return;
    assert.ok(Date.now() < deadline, `waited 90 s for ${what}: expected ${wanted}, got ${seen}`);
    await pause(250);
  }
}

const one = (broker: string) => async (): Promise<Set<string>> =>
  new Set([(await states())[broker] ?? "none"]);

/** How many sessions the balancer has passed to a broker since HAProxy started. */
async function sessions(broker: string): Promise<number> {
  const script = `echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock |
    awk -F, '$1 == "rabbitmq_cluster" && $2 == "${broker}" { print $8 }'`;
  return Number(await lab.runOn(balancer, script));
}

test("HAProxy takes a stopped or starting broker for down", async () => {
  try {
    await lab.runOn(second, "systemctl stop rabbitmq-server");
    await reaches(`${second} to be down`, one(second), "DOWN");
  } finally {
    // It must stay down until its start is complete: nothing listens before.
    await lab.runOn(second, "systemctl start --no-block rabbitmq-server");
  }
  let status = "";
  const deadline = Date.now() + 120_000;
  for (let active = ""; active !== "active";) {
    assert.ok(Date.now() < deadline, `${second} is ${active} after 120 s`);
    status = (await states())[second] ?? "";
    active = (await lab.runOn(second, "systemctl is-active rabbitmq-server || true")).trim();
    if (active === "activating") assert.match(status, /^DOWN/, "HAProxy takes a starting broker for up");
  }
});

test("the host restarts a broker that hangs while starting", async () => {
  const since = await lab.runOn(second, "date +%s");
  await lab.runOn(
    second,
    `systemctl stop rabbitmq-server; systemctl start --no-block rabbitmq-server
    until broker=$(pgrep -o -u rabbitmq -x beam.smp); do sleep 0.1; done
    sleep 2; kill -STOP $broker; systemctl is-active rabbitmq-server | grep -x activating`,
  );
  await reaches(`${second} to be down`, one(second), "DOWN");
  await lab.runOn(
    second,
    "timeout 120 bash -c 'until systemctl -q is-active rabbitmq-server; do sleep 1; done'",
  );
  const journal = await lab.runOn(second, watchJournalSince(since));
  assert.match(journal, /has not served for \d+ s .*: restarting/);
});

test("the host restarts a plug-in that has ended, without a restart of the broker", async () => {
  const since = await lab.runOn(second, "date +%s");
  const serving = (await lab.runOn(second, "systemctl show -p MainPID rabbitmq-server")).trim();
  // Its processes are killed faster than their supervisor allows: that ends, and the plug-in is still listed as running.
  await lab.runOn(
    second,
    `timeout 60 rabbitmqctl -q eval '[catch [exit(Pid, kill) || {_, Pid, _, _} <- supervisor:which_children(rabbit_mgmt_agent_sup)] ||
        _ <- lists:seq(1, 50)], timer:sleep(100), undefined = whereis(rabbit_mgmt_external_stats).' </dev/null`,
  );
  await lab.runOn(
    second,
    `timeout 90 bash -c 'until ${watchJournalSince(since)} |
      grep "started again what had given up: .*rabbitmq_management_agent"; do sleep 1; done'`,
  );
  await lab.runOn(
    second,
    "rabbitmqctl -q eval 'true = is_pid(whereis(rabbit_mgmt_external_stats)).' </dev/null",
  );
  assert.equal((await lab.runOn(second, "systemctl show -p MainPID rabbitmq-server")).trim(), serving);
});

test("the host restarts a broker that another broker no longer updates", async () => {
  const since = await lab.runOn(third, "date +%s");
  const running = "length(mnesia:system_info(running_db_nodes))";
  // Simulates on one side what Mnesia does when a connection breaks: RabbitMQ itself recovers from some real breaks.
  await lab.runOn(
    first,
    `timeout 60 rabbitmqctl -q eval "whereis(mnesia_monitor) ! {'EXIT',
      rpc:call('rabbit@${third}', erlang, whereis, [mnesia_monitor]), noconnection},
      timer:sleep(500), ${lab.brokers.length - 1} = ${running}." </dev/null`,
  );
  await lab.runOn(
    first,
    `timeout 150 bash -c 'until rabbitmqctl -q eval "${lab.brokers.length} = ${running}." </dev/null >/dev/null 2>&1
      do sleep 1; done'`,
  );
  const journal = await lab.runOn(third, watchJournalSince(since));
  assert.match(journal, /the rest of the cluster no longer tells it what changes: restarting/);
  await reaches(`${third} to be up`, one(third), "UP");
});

test("the host restarts a Keepalived that is in FAULT since its own address came after its start", async () => {
  const since = await lab.runOn(backup, "date +%s");
  const state = async (): Promise<Set<string>> => {
    const said = await lab.runOn(backup, "rabbitmq-ha vrrp");
    return new Set([/^Vrrp=(.*)$/m.exec(said)?.[1] ?? said]);
  };
  // The unit waits for the address; a Keepalived that somebody starts by hand, or an older unit, does not.
  const override = "/run/systemd/system/keepalived.service.d/zz-no-wait.conf";
  await lab.runOn(
    backup,
    `mkdir -p $(dirname ${override}); printf '[Service]\nExecStartPre=\n' >${override}; systemctl daemon-reload
    address=$(ip -o -4 addr show dev eth0 scope global | awk '{ print $4; exit }')
    systemctl stop keepalived
    ip addr del "$address" dev eth0
    systemctl start keepalived; sleep 3
    ip addr add "$address" dev eth0
    rm ${override}; systemctl daemon-reload`,
  );
  await reaches(`${backup} to be in FAULT`, state, "FAULT");
  await reaches(`${backup} to be able to take the address`, state, "BACKUP");
  const journal = await lab.runOn(
    backup,
    `journalctl -u rabbitmq-ha-vrrp-watch -o cat --no-pager --since @${since.trim()}`,
  );
  assert.match(journal, /in FAULT, and the cause has passed: restarting Keepalived/);
});

/** @param since seconds since the epoch, as a host's clock prints them */
function watchJournalSince(since: string): string {
  return `journalctl -u rabbitmq-ha-watch -o cat --no-pager --since @${since.trim()}`;
}

/** Waits until the host logs why it leaves its broker alone, and asserts that it has not restarted the broker. */
async function isLeftAlone(broker: string, since: string, why: string): Promise<void> {
  const ask = watchJournalSince(since);
  await lab.runOn(
    broker,
    `timeout 120 bash -c 'until ${ask} | grep "is left alone: ${why}"; do sleep 1; done'`,
  );
  assert.equal((await states())[broker], "DOWN");
  assert.doesNotMatch(await lab.runOn(broker, ask), /restarting/);
}

test("HAProxy takes a drained broker for down, and the broker's host logs that it leaves it alone", async () => {
  const began = await lab.runOn(second, "date +%s");
  await lab.runOn(second, "rabbitmq-upgrade -q drain </dev/null");
  try {
    await reaches(`${second} to be down`, one(second), "DOWN");
    await isLeftAlone(second, began, "it is being drained");
  } finally {
    await lab.runOn(second, "rabbitmq-upgrade -q revive </dev/null");
  }
});

test("the host logs that it leaves a broker with suspended listeners alone", async () => {
  const began = await lab.runOn(second, "date +%s");
  try {
    await lab.runOn(second, "rabbitmqctl -q suspend_listeners </dev/null");
    await reaches(`${second} to be down`, one(second), "DOWN");
    await isLeftAlone(second, began, "its listeners were suspended");
  } finally {
    await lab.runOn(second, "rabbitmqctl -q resume_listeners </dev/null");
  }
});

test("HAProxy takes a broker that has paused itself for down, and the broker recovers by itself", async () => {
  const routes = (verb: "add" | "del"): string =>
    lab.brokers
      .filter((name) => name !== second)
      .map((name) => `ip route ${verb} unreachable $(getent hosts ${name} | cut -d' ' -f1)/32`)
      .join("; ");
  try {
    await lab.runOn(second, routes("add"));
    await reaches(`${second} to be down`, one(second), "DOWN");
  } finally {
    await lab.runOn(second, routes("del"));
  }
});

test("with avoidAlarms a broker in alarm gets no new connections", async () => {
  await lab.runOn(first, "rabbitmqctl -q set_disk_free_limit 900000GB </dev/null");
  try {
    await reaches(`${first} to be drained`, one(first), "DRAIN (agent)");
    const before = await sessions(first);
    for (let count = 0; count < 6; count += 1) await (await lab.connect()).close();
    assert.equal(await sessions(first), before, "a new connection came to the broker in alarm");
  } finally {
    await lab.runOn(first, "rabbitmqctl -q set_disk_free_limit 1GB </dev/null");
  }
});

/** Runs Keepalived's check as Keepalived does. @returns its exit code */
async function check(): Promise<number> {
  return Number(
    await lab.runOn(
      balancer,
      "code=0; runuser -u haproxy -- /usr/local/lib/rabbitmq-ha/check-haproxy || code=$?; echo $code",
    ),
  );
}

test("Keepalived's check passes if HAProxy answers, and fails if HAProxy hangs or is stopped", async () => {
  assert.equal(await check(), 0);
  await lab.runOn(balancer, "systemctl kill --signal=STOP haproxy");
  const hung = await check().finally(() => lab.runOn(balancer, "systemctl kill --signal=CONT haproxy"));
  assert.notEqual(hung, 0, "the check passes although HAProxy hangs");
  assert.equal(await check(), 0);
  await lab.runOn(balancer, "systemctl stop haproxy");
  const stopped = await check().finally(() => lab.runOn(balancer, "systemctl start haproxy"));
  assert.notEqual(stopped, 0, "the check passes although HAProxy is stopped");
});
