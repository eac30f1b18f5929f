/** The health checks of HAProxy and Keepalived, and a repair by a broker's own host; tests/operations/watch.test.ts has more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { showStat } from "../../testbed/stacks/haproxy-statistics.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { CheckedLab, watchJournalSince } from "../support/checked-lab.ts";

const lab = new LabStack({ name: "h", net: 66 });
const checked = new CheckedLab(lab);
const [first = "", second = ""] = lab.brokers;
const [balancer = ""] = lab.balancers;

/** How many sessions the balancer has passed to a broker since HAProxy started. */
async function sessions(broker: string): Promise<number> {
  const script = `${showStat} |
    awk -F, '$1 == "rabbitmq_cluster" && $2 == "${broker}" { print $8 }'`;
  return Number(await lab.runOn(balancer, script));
}

test("HAProxy takes a stopped or starting broker for down", async () => {
  try {
    await lab.runOn(second, "systemctl stop rabbitmq-server");
    await checked.brokerReaches(second, "DOWN");
  } finally {
    // It must stay down until its start is complete: nothing listens before.
    await lab.runOn(second, "systemctl start --no-block rabbitmq-server");
  }
  let status = "";
  const deadline = Date.now() + 120_000;
  for (let active = ""; active !== "active";) {
    assert.ok(Date.now() < deadline, `${second} is ${active} after 120 s`);
    status = (await checked.states())[second] ?? "";
    active = (await lab.runOn(second, "systemctl is-active rabbitmq-server || true")).trim();
    if (active === "activating") assert.match(status, /^DOWN/, "HAProxy takes a starting broker for up");
  }
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

test("HAProxy takes a drained broker for down, and the broker's host logs that it leaves it alone", async () => {
  const began = await lab.runOn(second, "date +%s");
  await lab.runOn(second, "rabbitmq-upgrade -q drain </dev/null");
  try {
    await checked.brokerReaches(second, "DOWN");
    await checked.isLeftAlone(second, began, "it is being drained");
  } finally {
    await lab.runOn(second, "rabbitmq-upgrade -q revive </dev/null");
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
    await checked.brokerReaches(second, "DOWN");
  } finally {
    await lab.runOn(second, routes("del"));
  }
});

test("with avoidAlarms a broker in alarm gets no new connections", async () => {
  await lab.runOn(first, "rabbitmqctl -q set_disk_free_limit 900000GB </dev/null");
  try {
    await checked.brokerReaches(first, "DRAIN (agent)");
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
