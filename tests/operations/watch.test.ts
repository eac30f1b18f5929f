/** What the watches on the hosts restart, and what they leave alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { CheckedLab, watchJournalSince } from "../support/checked-lab.ts";

const lab = new LabStack({ name: "wa", net: 67 });
const checked = new CheckedLab(lab);
const [first = "", second = "", third = ""] = lab.brokers;
const [, backup = ""] = lab.balancers;

test("the host restarts a broker that hangs while starting", async () => {
  const since = await lab.runOn(second, "date +%s");
  await lab.runOn(
    second,
    `systemctl stop rabbitmq-server; systemctl start --no-block rabbitmq-server
    until broker=$(pgrep -o -u rabbitmq -x beam.smp); do sleep 0.1; done
    sleep 2; kill -STOP $broker; systemctl is-active rabbitmq-server | grep -x activating`,
  );
  await checked.brokerReaches(second, "DOWN");
  await lab.runOn(
    second,
    "timeout 120 bash -c 'until systemctl -q is-active rabbitmq-server; do sleep 1; done'",
  );
  const journal = await lab.runOn(second, watchJournalSince(since));
  assert.match(journal, /has not served for \d+ s .*: restarting/);
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
  await checked.brokerReaches(third, "UP");
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
  await checked.reaches(`${backup} to be in FAULT`, state, "FAULT");
  await checked.reaches(`${backup} to be able to take the address`, state, "BACKUP");
  const journal = await lab.runOn(
    backup,
    `journalctl -u rabbitmq-ha-vrrp-watch -o cat --no-pager --since @${since.trim()}`,
  );
  assert.match(journal, /in FAULT, and the cause has passed: restarting Keepalived/);
});

test("the host logs that it leaves a broker with suspended listeners alone", async () => {
  const began = await lab.runOn(second, "date +%s");
  try {
    await lab.runOn(second, "rabbitmqctl -q suspend_listeners </dev/null");
    await checked.brokerReaches(second, "DOWN");
    await checked.isLeftAlone(second, began, "its listeners were suspended");
  } finally {
    await lab.runOn(second, "rabbitmqctl -q resume_listeners </dev/null");
  }
});
