/** The life of a stack on real hosts: up, a second up, changes, restarts, failures, destroy. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { execa } from "execa";
import ssh2 from "ssh2";
import { showStat } from "../../testbed/stacks/haproxy-statistics.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { root } from "../support/dev-stack.ts";
import { readMessages, publish } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "e", net: 57 }));

const proxy = "  rabbitmq-ha:haproxy: { maxConnections: { proxy: 2001 } }";
const channels = "  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1000 } }";
const renamed = "  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1000 }, policy: { name: mirrors } }";

const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

/** What a repeated script must leave unchanged: processes and their start times, files and their times. */
async function fingerprint(): Promise<string> {
  const script = `
    hostname
    systemctl show -p Id,MainPID,ExecMainStartTimestampMonotonic,NRestarts rabbitmq-server haproxy keepalived
    find /etc /usr/local /var/lib/rabbitmq-ha /var/lib/rabbitmq -maxdepth 5 -path /etc/ssh -prune -o \\
      -path '*/mnesia' -prune -o -type f -printf '%p %i %T@ %C@ %m %u:%g %s\\n' | sort
    cat /run/rabbitmq-ha/* 2>/dev/null || true`;
  return (await Promise.all(lab.hosts.map((host) => lab.runOn(host, script)))).join("\n");
}

/** The name of the broker that leads a queue. */
async function leader(queue: string): Promise<string> {
  const answer = await lab.runOn(
    lab.brokers[0] ?? "",
    `rabbitmqctl -q list_queues name pid --no-table-headers </dev/null | awk '$1 == "${queue}" { print $2 }'`,
  );
  return /rabbit@(\w+)/.exec(answer)?.[1] ?? `no leader in: ${answer}`;
}

/** What git lists as changed or new at the top level, where Pulumi keeps the stacks' files. */
async function topLevelChanges(): Promise<string> {
  const { stdout } = await execa("git", ["status", "--porcelain", "--", ":(glob)*"], { cwd: root });
  return stdout;
}

test("one up sets up the whole system, prints its URL, but not the password, and leaves git status as it was", async () => {
  const unchanged = await topLevelChanges();
  const output = await lab.runOrThrow("up");
  assert.equal(await topLevelChanges(), unchanged);
  assert.match(output, new RegExp(`http://${lab.virtualAddress}:15672`));
  const password = String(await lab.output("adminPassword"));
  assert.ok(password.length >= 16);
  assert.ok(!output.includes(password), "the password is in the output");
});

test("a second up changes nothing", async () => {
  await lab.ensureUp();
  const before = await fingerprint();
  const output = await lab.runOrThrow("up", "--expect-no-changes");
  assert.match(output, /\d+ unchanged/);
  assert.equal(await fingerprint(), before);
});

test("no secret is in clear text in the state, on a host or in a log", async () => {
  await lab.ensureUp();
  const password = String(await lab.output("adminPassword"));
  const cookie = await lab.runOn(lab.brokers[0] ?? "", "cat /var/lib/rabbitmq/.erlang.cookie");
  const state = await lab.pulumi("stack", "export");
  assert.ok(!state.includes(password) && !state.includes(cookie) && !state.includes("PRIVATE KEY"));
  for (const host of lab.hosts) {
    const found = await lab.runOn(
      host,
      `grep -rlF -e '${password}' /etc /var/log /var/lib/rabbitmq-ha /run/rabbitmq-ha /tmp 2>/dev/null || true
       journalctl --no-pager -o cat | grep -cF -e '${password}' -e '${cookie}' | grep -v '^0$' || true`,
    );
    assert.equal(found.trim(), "", `${host} shows a secret in: ${found}`);
  }
});

test("a new SSH key runs every script again, and that changes nothing on the hosts", async () => {
  await lab.ensureUp();
  await publish(await lab.connect(), "rotation", messages);
  const before = await fingerprint();
  const { private: key } = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256, comment: "rotated" });
  await lab.setSecret("sshPrivateKey", key);
  const output = await lab.runOrThrow("up");
  const updated = /~ (\d+) updated/.exec(output)?.[1];
  const remote = (await lab.resources()).filter(({ type }) => type === "command:remote:Command");
  assert.ok(
    Number(updated) >= remote.length,
    `only ${updated} of ${remote.length} commands ran again:\n${tail(output)}`,
  );
  assert.doesNotMatch(output, /\d+ (replaced|created)/);
  assert.equal(await fingerprint(), before);
  assert.deepEqual(await readMessages(await lab.connect(), "rotation"), messages);
});

test("one HAProxy setting changes only HAProxy's file and reloads it without a restart", async () => {
  await lab.ensureUp("");
  const host = lab.balancers[0] ?? "";
  const processes = (): Promise<string> =>
    lab.runOn(host, "systemctl show -p MainPID,ExecMainStartTimestampMonotonic haproxy keepalived");
  const before = await processes();
  await lab.configure(proxy);
  const preview = JSON.parse(await lab.pulumi("preview", "--json")) as {
    steps: { op: string; urn: string }[];
  };
  const changed = preview.steps
    .filter(({ op }) => op !== "same")
    .map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`);
  const expected = lab.balancers.flatMap((name) => [`haproxy-${name}-config`, `haproxy-${name}-serving`]);
  assert.deepEqual(changed.sort(), expected.map((name) => `update ${name}`).sort());
  assert.match(await lab.runOrThrow("preview", "--diff"), /maxconn 2001/);
  await lab.runOrThrow("up");
  assert.match(await lab.runOn(host, "cat /etc/haproxy/haproxy.cfg"), /maxconn 2001/);
  assert.equal(await processes(), before);
  assert.match(await lab.runOn(host, showStat), /rabbitmq_cluster,FRONTEND,,,\d+,\d+,2001,/);
});

test("a broker setting restarts the brokers one after the other, and no message is lost", async () => {
  await lab.ensureUp(proxy);
  const started = async (): Promise<number[]> => {
    const show = "systemctl show -p ExecMainStartTimestampMonotonic rabbitmq-server | cut -d= -f2";
    return Promise.all(lab.brokers.map(async (host) => Number(await lab.runOn(host, show))));
  };
  await publish(await lab.connect(), "restarts", messages);
  const before = await started();
  await lab.configure(`${proxy}\n${channels}`);
  await lab.runOrThrow("up");
  const restarted = await started();
  restarted.forEach((time, index) =>
    assert.ok(time > (before[index] ?? 0), `${lab.brokers[index]} did not restart`),
  );
  assert.deepEqual(
    restarted,
    [...restarted].sort((a, b) => a - b),
    "not in the order of the list",
  );
  for (const host of lab.brokers) {
    assert.match(await lab.runOn(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /1000/);
  }
  assert.deepEqual(await readMessages(await lab.connect(), "restarts"), messages);
});

test("a renamed policy replaces the old one on every member", async () => {
  await lab.ensureUp(`${proxy}\n${channels}`);
  await lab.configure(renamed);
  await lab.runOrThrow("up");
  for (const host of lab.brokers) {
    const policies = await lab.runOn(host, "rabbitmqctl -q list_policies --no-table-headers </dev/null");
    assert.match(policies, /^\/\tmirrors\t\^\tall\t/);
    assert.doesNotMatch(policies, /ha-all/);
  }
});

test("a queue's messages survive the restart of its leader", async () => {
  await lab.ensureUp();
  await publish(await lab.connect(), "leader", messages);
  const led = await leader("leader");
  assert.ok(lab.brokers.includes(led), led);
  await lab.runOn(led, "systemctl restart rabbitmq-server");
  assert.deepEqual(await readMessages(await lab.connect(), "leader"), messages);
  await lab.runOrThrow("verify");
});

test("HAProxy's journal reports a broker that goes down", async () => {
  await lab.ensureUp();
  const [host = "", balancer = ""] = [lab.brokers[2], lab.balancers[0]];
  const since = (await lab.runOn(balancer, "date +@%s")).trim();
  const seen = `journalctl -u haproxy --since ${since} --no-pager -o cat | grep -q "rabbitmq_cluster/${host} is DOWN"`;
  try {
    await lab.runOn(host, "systemctl stop rabbitmq-server");
    await lab.runOn(balancer, `timeout 20 bash -c 'until ${seen}; do sleep 0.2; done'`);
  } finally {
    await lab.runOn(host, "systemctl start rabbitmq-server");
  }
});

test("a configuration that HAProxy refuses does not replace the old one", async () => {
  await lab.ensureUp(renamed);
  const files = async (): Promise<string[]> =>
    Promise.all(lab.balancers.map((host) => lab.runOn(host, "stat -c '%i %Z' /etc/haproxy/haproxy.cfg")));
  const before = await files();
  // The number is valid for the program but too large for HAProxy, so HAProxy refuses it.
  await lab.configure(`${renamed}\n  rabbitmq-ha:haproxy: { rise: 4000000000 }`);
  const { code, output } = await lab.npm("up");
  assert.notEqual(code, 0, tail(output));
  // When the first balancer's step fails the engine cancels the other one's, which may then print nothing.
  const refusal = `(${lab.balancers.join("|")}): the new /etc/haproxy/haproxy\\.cfg was refused, so the old one stays`;
  assert.match(output, new RegExp(refusal), tail(output));
  assert.deepEqual(await files(), before);
  await lab.runOrThrow("verify");
  await lab.ensureUp(renamed);
});

test("a broker and a balancer recover by themselves after a power cycle, with their messages", async () => {
  await lab.ensureUp();
  await publish(await lab.connect(), "reboot", messages);
  for (const host of [lab.brokers[0] ?? "", lab.balancers[0] ?? ""]) await lab.reboot(host);
  await waitUntilHealthy(120);
  assert.deepEqual(await readMessages(await lab.connect(), "reboot"), messages);
  await lab.runOrThrow("up", "--expect-no-changes");
});

/** What keeps `up` from using a host: how it comes, how it goes, and what `up` says. */
const hostFaults = [
  [
    "sed -i.kept s/^VERSION_ID=.*/VERSION_ID=13/ /usr/lib/os-release",
    "mv /usr/lib/os-release.kept /usr/lib/os-release",
    /runs debian-13, and os is debian-12/,
  ],
  [
    "mv /root/.ssh/authorized_keys /root/.ssh/kept",
    "mv /root/.ssh/kept /root/.ssh/authorized_keys",
    /unable to authenticate/,
  ],
  [
    "cd /etc/ssh && cp -a ssh_host_ed25519_key kept && rm ssh_host_ed25519_key && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && systemctl restart ssh",
    "cd /etc/ssh && mv kept ssh_host_ed25519_key && ssh-keygen -y -f ssh_host_ed25519_key >ssh_host_ed25519_key.pub && systemctl restart ssh",
    /host key mismatch/,
  ],
  ["systemctl stop ssh", "systemctl start ssh", /connection refused/],
] as const;

test("up names, within two minutes, hosts of another system, that refuse the key, show another host key or are not reached", async () => {
  await lab.ensureUp();
  const resources = await lab.resources();
  const faults = hostFaults.map(([breakCommand, repairCommand, message], index) => {
    const host = lab.hosts[index] ?? "";
    const urn = resources.find((resource) => resource.urn.endsWith(`::${host}-ready`))?.urn ?? "";
    return { host, breakCommand, repairCommand, message, urn };
  });
  const again = ["up", "--yes", "--skip-preview", ...faults.flatMap(({ urn }) => ["--target-replace", urn])];
  let failure: string;
  let seconds: number;
  try {
    for (const { host, breakCommand } of faults) await lab.runOn(host, breakCommand);
    const started = Date.now();
    failure = await lab.pulumi(...again, "--continue-on-error").catch((error: unknown) => String(error));
    seconds = (Date.now() - started) / 1000;
  } finally {
    for (const { host, repairCommand } of faults) await lab.runOn(host, repairCommand);
  }
  for (const { host, message } of faults)
    assert.match(failure, new RegExp(`\\(${host}-ready\\)((?!-ready\\))[^])*?${message.source}`));
  assert.ok(seconds < 120, `named after ${seconds} s`);
  await lab.pulumi(...again);
});

test("destroy leaves no container, network or route, and a second destroy succeeds", async () => {
  await lab.ensureUp();
  await lab.runOrThrow("destroy");
  assert.deepEqual(await lab.findLeftovers(), []);
  await lab.runOrThrow("destroy");
});

/** Waits until `verify` succeeds. */
async function waitUntilHealthy(seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { code, output } = await lab.npm("verify");
    if (code === 0) return;
    assert.ok(Date.now() < deadline, `the system is not healthy after ${seconds} s:\n${tail(output)}`);
  }
}
