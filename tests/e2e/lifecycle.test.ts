/** The main job on real hosts: up, again, a key, a setting, a restart, a reboot, and away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import ssh2 from "ssh2";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { contents, publish } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "e", net: 57 }));

const proxy = "  rabbitmq-ha:haproxy: { maxConnections: { proxy: 2001 } }";
const channels = "  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1000 } }";
const renamed = "  rabbitmq-ha:rabbitmq: { settings: { channel_max: 1000 }, policy: { name: mirrors } }";

const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);

/** What a script that ran again must not have touched: processes and their starts, files and their times. */
async function fingerprint(): Promise<string> {
  const script = `
    hostname
    systemctl show -p Id,MainPID,ExecMainStartTimestampMonotonic,NRestarts rabbitmq-server haproxy keepalived
    find /etc /usr/local /var/lib/rabbitmq-ha /var/lib/rabbitmq -maxdepth 5 -path /etc/ssh -prune -o \\
      -path '*/mnesia' -prune -o -type f -printf '%p %i %T@ %C@ %m %u:%g %s\\n' | sort
    cat /run/rabbitmq-ha/* 2>/dev/null || true`;
  return (await Promise.all(lab.hosts.map((host) => lab.on(host, script)))).join("\n");
}

/** The name of the broker that leads a queue. */
async function leader(queue: string): Promise<string> {
  const answer = await lab.on(
    lab.brokers[0] ?? "",
    `rabbitmqctl -q list_queues name pid --no-table-headers </dev/null | awk '$1 == "${queue}" { print $2 }'`,
  );
  return /rabbit@(\w+)/.exec(answer)?.[1] ?? `no leader in: ${answer}`;
}

test("one up takes nothing to a whole system and says how to use it", async () => {
  const output = await lab.must("up");
  assert.match(output, new RegExp(`http://${lab.virtualAddress}:15672`));
  const password = String(await lab.output("adminPassword"));
  assert.ok(password.length >= 16);
  assert.ok(!output.includes(password), "the password is in the output");
});

test("a second up changes nothing", async () => {
  await lab.ensureUp();
  const before = await fingerprint();
  const output = await lab.must("up", "--expect-no-changes");
  assert.match(output, /\d+ unchanged/);
  assert.equal(await fingerprint(), before);
});

test("no secret lies in clear text in the state, on a host or in a log", async () => {
  await lab.ensureUp();
  const password = String(await lab.output("adminPassword"));
  const cookie = await lab.on(lab.brokers[0] ?? "", "cat /var/lib/rabbitmq/.erlang.cookie");
  const state = await lab.pulumi("stack", "export");
  assert.ok(!state.includes(password) && !state.includes(cookie) && !state.includes("PRIVATE KEY"));
  for (const host of lab.hosts) {
    const found = await lab.on(
      host,
      `grep -rlF -e '${password}' /etc /var/log /var/lib/rabbitmq-ha /run/rabbitmq-ha /tmp 2>/dev/null || true
       journalctl --no-pager -o cat | grep -cF -e '${password}' -e '${cookie}' | grep -v '^0$' || true`,
    );
    assert.equal(found.trim(), "", `${host} shows a secret in: ${found}`);
  }
});

test("every script run again on the whole system changes nothing: the SSH key is rotated", async () => {
  await lab.ensureUp();
  await publish(await lab.connect(), "rotation", messages);
  const before = await fingerprint();
  const { private: key } = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256, comment: "rotated" });
  await lab.secret("sshPrivateKey", key);
  const output = await lab.must("up");
  const updated = /~ (\d+) updated/.exec(output)?.[1];
  const remote = (await lab.resources()).filter(({ type }) => type === "command:remote:Command");
  assert.ok(
    Number(updated) >= remote.length,
    `only ${updated} of ${remote.length} commands ran again:\n${tail(output)}`,
  );
  assert.doesNotMatch(output, /\d+ (replaced|created)/);
  assert.equal(await fingerprint(), before);
  assert.deepEqual(await contents(await lab.connect(), "rotation"), messages);
});

test("one HAProxy setting changes that file and reloads, no more", async () => {
  await lab.ensureUp("");
  const host = lab.balancers[0] ?? "";
  const processes = (): Promise<string> =>
    lab.on(host, "systemctl show -p MainPID,ExecMainStartTimestampMonotonic haproxy keepalived");
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
  assert.match(await lab.must("preview", "--diff"), /maxconn 2001/);
  await lab.must("up");
  assert.match(await lab.on(host, "cat /etc/haproxy/haproxy.cfg"), /maxconn 2001/);
  assert.equal(await processes(), before);
  assert.match(
    await lab.on(host, "echo 'show stat' | socat stdio /run/haproxy/admin.sock"),
    /rabbitmq_cluster,FRONTEND,,,\d+,\d+,2001,/,
  );
});

test("a broker's setting restarts each broker once, one after the other", async () => {
  await lab.ensureUp(proxy);
  const started = async (): Promise<number[]> => {
    const show = "systemctl show -p ExecMainStartTimestampMonotonic rabbitmq-server | cut -d= -f2";
    return Promise.all(lab.brokers.map(async (host) => Number(await lab.on(host, show))));
  };
  await publish(await lab.connect(), "restarts", messages);
  const before = await started();
  await lab.configure(`${proxy}\n${channels}`);
  await lab.must("up");
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
    assert.match(await lab.on(host, "rabbitmqctl -q environment </dev/null | grep channel_max"), /1000/);
  }
  assert.deepEqual(await contents(await lab.connect(), "restarts"), messages);
});

test("a renamed policy takes the old one's place on every member", async () => {
  await lab.ensureUp(`${proxy}\n${channels}`);
  await lab.configure(renamed);
  await lab.must("up");
  for (const host of lab.brokers) {
    const policies = await lab.on(host, "rabbitmqctl -q list_policies --no-table-headers </dev/null");
    assert.match(policies, /^\/\tmirrors\t\^\tall\t/);
    assert.doesNotMatch(policies, /ha-all/);
  }
});

test("the queue's leader is restarted and its messages are still there", async () => {
  await lab.ensureUp();
  await publish(await lab.connect(), "leader", messages);
  const led = await leader("leader");
  assert.ok(lab.brokers.includes(led), led);
  await lab.on(led, "systemctl restart rabbitmq-server");
  assert.deepEqual(await contents(await lab.connect(), "leader"), messages);
  await lab.must("verify");
});

test("a broker going down is seen in HAProxy's journal", async () => {
  await lab.ensureUp();
  const [host = "", balancer = ""] = [lab.brokers[2], lab.balancers[0]];
  const since = (await lab.on(balancer, "date +@%s")).trim();
  const seen = `journalctl -u haproxy --since ${since} --no-pager -o cat | grep -q "rabbitmq_cluster/${host} is DOWN"`;
  try {
    await lab.on(host, "systemctl stop rabbitmq-server");
    await lab.on(balancer, `timeout 20 bash -c 'until ${seen}; do sleep 0.2; done'`);
  } finally {
    await lab.on(host, "systemctl start rabbitmq-server");
  }
});

test("a bad configuration never reaches HAProxy", async () => {
  await lab.ensureUp(renamed);
  const files = async (): Promise<string[]> =>
    Promise.all(lab.balancers.map((host) => lab.on(host, "stat -c '%i %Z' /etc/haproxy/haproxy.cfg")));
  const before = await files();
  // A number of the right form, and more than HAProxy takes: it is HAProxy that refuses.
  await lab.configure(`${renamed}\n  rabbitmq-ha:haproxy: { rise: 4000000000 }`);
  const { code, output } = await lab.npm("up");
  assert.notEqual(code, 0, tail(output));
  // The engine cancels the other balancer's step when the first one fails, so that one may have said nothing.
  const refusal = `(${lab.balancers.join("|")}): the new /etc/haproxy/haproxy\\.cfg was refused, so the old one stays`;
  assert.match(output, new RegExp(refusal), tail(output));
  assert.deepEqual(await files(), before);
  await lab.must("verify");
  await lab.ensureUp(renamed);
});

test("a host that is powered off and on is what it was", async () => {
  await lab.ensureUp();
  await publish(await lab.connect(), "reboot", messages);
  for (const host of [lab.brokers[0] ?? "", lab.balancers[0] ?? ""]) await lab.reboot(host);
  await wholeWithin(120);
  assert.deepEqual(await contents(await lab.connect(), "reboot"), messages);
  await lab.must("up", "--expect-no-changes");
});

for (const [what, breakIt, healIt, words] of [
  [
    "runs another system than stated",
    "sed -i.kept s/^VERSION_ID=.*/VERSION_ID=13/ /usr/lib/os-release",
    "mv /usr/lib/os-release.kept /usr/lib/os-release",
    /runs debian-13, and os is debian-12/,
  ],
  [
    "refuses the key",
    "mv /root/.ssh/authorized_keys /root/.ssh/kept",
    "mv /root/.ssh/kept /root/.ssh/authorized_keys",
    /unable to authenticate/,
  ],
  [
    "shows another host key",
    "cd /etc/ssh && cp -a ssh_host_ed25519_key kept && rm ssh_host_ed25519_key && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && systemctl restart ssh",
    "cd /etc/ssh && mv kept ssh_host_ed25519_key && ssh-keygen -y -f ssh_host_ed25519_key >ssh_host_ed25519_key.pub && systemctl restart ssh",
    /host key mismatch/,
  ],
  ["cannot be reached", "systemctl stop ssh", "systemctl start ssh", /connection refused/],
] as const) {
  test(`a host that ${what} is named with its cause within two minutes`, async () => {
    await lab.ensureUp();
    const [host = ""] = lab.brokers;
    const urn =
      (await lab.resources()).find((resource) => resource.urn.endsWith(`::${host}-ready`))?.urn ?? "";
    const again = ["up", "--yes", "--skip-preview", "--target-replace", urn];
    let failure: string;
    let seconds: number;
    await lab.on(host, breakIt);
    try {
      const started = Date.now();
      failure = await lab.pulumi(...again).catch((error: unknown) => String(error));
      seconds = (Date.now() - started) / 1000;
    } finally {
      await lab.on(host, healIt);
    }
    assert.match(failure, words);
    assert.match(failure, new RegExp(`${host}-ready`));
    assert.ok(seconds < 120, `named after ${seconds} s`);
    await lab.pulumi(...again);
  });
}

test("destroy leaves no container, network or route, and a second one has nothing to do", async () => {
  await lab.ensureUp();
  await lab.must("destroy");
  assert.deepEqual(await lab.remains(), []);
  await lab.must("destroy");
});

/** Waits until `verify` finds the system whole. */
async function wholeWithin(seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { code, output } = await lab.npm("verify");
    if (code === 0) return;
    assert.ok(Date.now() < deadline, `not whole after ${seconds} s:\n${tail(output)}`);
  }
}
