/** Given machines: the precheck, the setup as root, and a destroy that leaves only the brokers' data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack } from "../../testbed/existing/existing-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { readMessages, publish, deleteQueue } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "o", subnet: "192.168.91.0/24", os: "debian-12" }));

const on = (host: string, script: string): Promise<string> => stack.machines.runOn(host, script);
const brokers = ["o120", "o121", "o122"] as const;
const balancers = ["o123", "o124"] as const;
const all = [...brokers, ...balancers];

/** Faults of machines: the commands that cause and revert them. `mends` may run without the fault. */
const faults: readonly {
  readonly host: string;
  readonly breaks: string;
  readonly mends: string;
  readonly says: RegExp;
}[] = [
  {
    host: "o120",
    breaks: `systemd-run -q --unit stranger python3 -c '
import socket, time
taken = socket.socket()
taken.bind(("", 15672))
taken.listen(1)
time.sleep(600)'
    for _ in $(seq 50); do ! ss -ltn | grep -q ":15672 " || break; sleep 0.1; done`,
    mends: "systemctl stop stranger 2>/dev/null || true",
    says: /o120 \(192\.168\.91\.120\): port 15672 is taken by python3 on 0\.0\.0\.0; stop and disable it, or set another/,
  },
  {
    host: "o121",
    breaks: "mkdir -p /var/lib/rabbitmq/mnesia/rabbit@old",
    mends: "rm -rf /var/lib/rabbitmq",
    says: /o121 .*: \/var\/lib\/rabbitmq\/mnesia holds the data of rabbit@old and none of rabbit@o121/,
  },
  {
    host: "o122",
    breaks: "ip addr add 192.168.91.100/24 dev eth0",
    mends: "ip addr del 192.168.91.100/24 dev eth0 2>/dev/null || true",
    says: /o122 .*: is a broker and has the virtual address 192\.168\.91\.100 on eth0/,
  },
  {
    host: "o123",
    breaks: "cp /etc/hosts /root/hosts; echo 192.168.91.77 o120 >>/etc/hosts",
    mends: "[ ! -e /root/hosts ] || mv /root/hosts /etc/hosts",
    says: /o120 .*: its name resolves to 192\.168\.91\.77 on o123; correct \/etc\/hosts/,
  },
];

test("up refuses faulty machines, lists all faults in one message and changes nothing", async () => {
  await stack.configure("");
  try {
    for (const { host, breaks } of faults) await on(host, breaks);
    await stack.machines.powerOff("o124");
    const { code, output } = await stack.npm("up");
    assert.notEqual(code, 0);
    assert.match(output, /The machines of stack "test-o" have 5 faults; nothing was changed\./, tail(output));
    for (const { says } of faults) assert.match(output, says);
    assert.match(output, /o124 \(192\.168\.91\.124\): .*(does not answer|no host answers|EHOSTUNREACH)/);
    assert.doesNotMatch(output, /^\s+at /m, "a stack trace");
    assert.doesNotMatch(await stack.pulumi("stack", "export"), /remote:Command|local:Command/);
  } finally {
    await Promise.all([stack.machines.powerOn("o124"), ...faults.map(({ host, mends }) => on(host, mends))]);
  }
});

test("preview refuses a machine with another host key, and a user whose login fails", async () => {
  await stack.configure("", (lines) => {
    // The pinned keys of the two machines are swapped.
    const swapped = lines.replaceAll(
      /^( {6})192\.168\.91\.12([01]) /gm,
      (_, space: string, last: string) => `${space}192.168.91.12${last === "0" ? "1" : "0"} `,
    );
    return swapped.replace("user: root", "user: nobody");
  });
  const { code, output } = await stack.npm("preview");
  assert.notEqual(code, 0);
  assert.match(output, /have 5 faults/, tail(output));
  for (const host of ["o120", "o121"])
    assert.match(output, new RegExp(`${host} .*shows the host key SHA256:.*is pinned`));
  for (const host of ["o122", "o123", "o124"]) assert.match(output, new RegExp(`${host} .*nobody`));
});

test("one up sets up the system on given machines, and a second up changes nothing", async () => {
  await stack.configure("");
  await stack.runOrThrow("up");
  const again = await stack.runOrThrow("up", "--expect-no-changes");
  assert.match(again, /^ +\d+ unchanged$/m);
});

test("one HAProxy setting updates four resources: file and reload on each balancer", async () => {
  await stack.ensureUp("");
  await stack.configure("  rabbitmq-ha:haproxy: { maxConnections: { global: 4096 } }");
  const output = await stack.runOrThrow("up");
  assert.match(output, /^ +~ 4 updated$/m, tail(output));
});

const messages = ["one", "two", "three"];
/** Whether the last destroy has left the messages on the machines. */
let kept = false;

async function publishKept(): Promise<void> {
  await stack.ensureUp();
  await deleteQueue(await stack.connect(), "kept");
  await publish(await stack.connect(), "kept", messages);
}

/** Lists what is left of the program's files and services on a machine. */
const left = (host: string): Promise<string> =>
  on(
    host,
    `find /etc /usr/local/lib /run/rabbitmq-ha /run/lock -name '*rabbitmq-ha*' 2>/dev/null
    grep -rls 'Written by rabbitmq-ha' /etc || true
    grep -F rabbitmq-ha /etc/hosts || true
    for unit in rabbitmq-server rabbitmq-ha-watch haproxy keepalived rabbitmq-ha-vrrp-watch; do
      if systemctl -q is-active $unit || systemctl -q is-enabled $unit 2>/dev/null; then echo $unit; fi
    done`,
  );

test("destroy leaves only the brokers' data, and names the machine that does not answer", async () => {
  await publishKept();
  let output: string;
  await stack.machines.powerOff("o124");
  try {
    output = await stack.runOrThrow("destroy");
    kept = true;
  } finally {
    await stack.machines.powerOn("o124");
  }
  assert.match(
    output,
    /o124 \(192\.168\.91\.124\) could not be reached, so everything that the program installed is still/,
  );
  for (const host of all.filter((name) => name !== "o124")) assert.equal(await left(host), "", host);
  for (const host of brokers) {
    assert.match(await on(host, "ls /var/lib/rabbitmq/mnesia"), new RegExp(`rabbit@${host}`));
  }
});

test("after destroy, up finds the messages again; destroy with purge deletes the data too", async () => {
  if (!kept) {
    await publishKept();
    await stack.runOrThrow("destroy");
  }
  await stack.configure("", (lines) => lines.replace("user: root", "purge: true\n    user: root"));
  if (kept) {
    // It has just been switched on.
    await on("o124", "timeout 60 bash -c 'until ss -ltn | grep -q :22; do sleep 0.5; done'");
    // The machine that did not answer still has the mark of the stack that was destroyed.
    const { code, output } = await stack.npm("up");
    assert.notEqual(code, 0);
    assert.match(
      output,
      /have 1 fault; .*o124 \(.*\): belongs to stack "test-o" as o124, .*--take-over o124/s,
    );
  }
  await stack.runOrThrow("up", "--take-over", "o124");
  assert.deepEqual(await readMessages(await stack.connect(), "kept"), messages);
  await stack.runOrThrow("destroy");
  for (const host of all) assert.equal(await left(host), "", host);
  for (const host of brokers)
    assert.equal(await on(host, "ls -A /var/lib/rabbitmq/mnesia 2>/dev/null || true"), "");
});
