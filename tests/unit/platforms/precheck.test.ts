/** The whole precheck of existing machines, over SSH servers of the test; sudo there prints a probe's output. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
  precheck,
  type ProbeTarget,
  type PrecheckArgs,
} from "../../../platforms/existing/precheck/precheck.ts";
import type { Login } from "../../../remote/ssh.ts";
import { SshServer, type SshServerOptions } from "../../engine/ssh-server.ts";
import { newKey } from "../../engine/ssh-keys.ts";
import { makeScratchFolder } from "../../support/bash.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

const key = newKey();
const other = newKey();
const folder = await makeScratchFolder();
const servers: SshServer[] = [];
const warn = mock.method(pulumi.log, "warn", () => Promise.resolve());
const info = mock.method(pulumi.log, "info", () => Promise.resolve());

/** Files in a machine's folder control it: `denied` is sudo's error message, `seen` the probe's output. */
const sudo = `#!/bin/bash
if [ -e denied ]; then cat denied >&2; exit 1; fi
if [ "$2" = true ]; then exit 0; fi
cat >probe.sh
cat seen
echo "machine-id=id-$$"
echo "machine-id=id-$$"
`;
const seen = [
  ...[
    "clock=1.0",
    "system=debian-12",
    "fits=yes",
    "synchronized=yes",
    "systemd=252",
    "inet=eth3 127.0.0.1/8",
  ],
  ...["memory=2000000", "disk=9000000", "files=done", "installed=3.10.8-1", "python=3.11", ""],
].join("\n");

before(async () => {
  await writeFile(join(folder, "sudo"), sudo);
  await chmod(join(folder, "sudo"), 0o755);
  process.env["PATH"] = `${folder}:${process.env["PATH"] ?? ""}`;
});
after(() => Promise.all(servers.map((server) => server.stop())));

async function serve(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await SshServer.start({ keys: [key.public], ...options });
  servers.push(server);
  await writeFile(join(server.folder, "seen"), seen);
  return server;
}

function loginAt(port: number, hostKey?: string): Login {
  return { host: "127.0.0.1", port, user: "ops", privateKey: key.private, hostKey };
}

function machine(name: string, login: Login): ProbeTarget {
  return { name, address: "127.0.0.1", role: "broker", login };
}

function args(...machines: ProbeTarget[]): PrecheckArgs {
  return { ...intendedSetup, settings: {}, machines, virtualAddress: "127.0.0.100" };
}

async function refused(given: PrecheckArgs): Promise<string> {
  const error: unknown = await precheck(given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(pulumi.RunError.isInstance(error));
  assert.equal(error.stack, "");
  return error.message;
}

/** @returns the lines of a message below its header */
function faults(message: string): string[] {
  return message
    .split("\n  ")
    .slice(1)
    .map((line) => line.trim());
}

function fingerprint(line: string): string {
  const bytes = Buffer.from(line.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(bytes).digest("base64").replace(/=+$/, "")}`;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a machine without faults is described, and the probe runs as root by sudo", async () => {
  const server = await serve();
  warn.mock.resetCalls();
  const found = await precheck(args(machine("mq1", loginAt(server.port, server.hostKey.public))));
  const [[name, { identity, ...network }] = ["", { identity: "" }]] = found;
  assert.deepEqual(
    { name, ...network },
    {
      ...{ name: "mq1", interface: "eth3", prefixLength: 8 },
      rabbitmq: { installed: "3.10.8-1" },
    },
  );
  assert.match(identity, /^id-\d+$/);
  assert.match(server.executed[0]?.script ?? "", /exec sudo -n bash -s/);
  assert.equal(warn.mock.callCount(), 0);
});

test("a broker's machine without a firewall is accepted, with a warning", async () => {
  const server = await serve();
  await writeFile(join(server.folder, "seen"), `${seen}firewall=none\n`);
  warn.mock.resetCalls();
  await precheck(args(machine("mq1", loginAt(server.port, server.hostKey.public))));
  assert.match(
    String((warn.mock.calls[0]?.arguments as unknown[])[0]),
    /^mq1 \(127\.0\.0\.1\): no firewall: 4369/,
  );
  assert.equal(warn.mock.callCount(), 1);
});

test("all log-in faults are in one message, within ten seconds", async () => {
  const [strict, shown, locked, mute] = await Promise.all([
    serve({ keys: [other.public] }),
    serve(),
    serve(),
    serve({ neverAnswers: true }),
  ]);
  const closed = await closedPort();
  await writeFile(
    join(locked.folder, "denied"),
    "sudo: unable to resolve host lb1: Name or service not known\nsudo: a password is required\n",
  );
  const begin = performance.now();
  const message = await refused(
    args(
      machine("gone", loginAt(closed, other.public)),
      machine("strict", loginAt(strict.port, strict.hostKey.public)),
      machine("shown", loginAt(shown.port, other.public)),
      machine("locked", loginAt(locked.port, locked.hostKey.public)),
      machine("mute", loginAt(mute.port, mute.hostKey.public)),
    ),
  );
  assert.ok(performance.now() - begin < 10_000);
  assert.match(message, /^The machines of stack "prod" have 5 faults; nothing was changed\.\n\n {2}gone/);
  assert.deepEqual(faults(message), [
    `gone (127.0.0.1): cannot be reached by SSH: connect ECONNREFUSED 127.0.0.1:${closed}; start it and its sshd, or correct the address or the port ${closed}`,
    "strict (127.0.0.1): refuses the SSH key for the user ops; add it to that user's ~/.ssh/authorized_keys there, or set another user or key",
    `shown (127.0.0.1): shows the host key ${fingerprint(shown.hostKey.public)}, and ${fingerprint(other.public)} is pinned; if the new key is right, pin it in existing.hostKeys: ssh-keyscan -t ed25519,ecdsa -p ${shown.port} 127.0.0.1`,
    "locked (127.0.0.1): the user ops is not root and cannot become root by sudo without a password (sudo: a password is required); allow it (ops ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d, and Defaults:ops !requiretty), or set existing.user",
    `mute (127.0.0.1): 127.0.0.1:${mute.port} does not answer by SSH within 9 s; start it, let the firewall pass port ${mute.port}, or correct the address`,
  ]);
});

test("what a host says instead of running the probe is reported, with the user to set", async () => {
  const cloud = `echo 'Please login as the user "debian" rather than the user "root".';echo;sleep 10;exit 142`;
  const forced = await Promise.all([
    serve({ forcedCommand: cloud }),
    serve({ forcedCommand: cloud.replace("sleep 10", "sleep 0") }),
    serve({ forcedCommand: "echo This account is currently not available.; exit 1" }),
    serve({ forcedCommand: "echo backup only" }),
    serve({ forcedCommand: "true" }),
  ]);
  const begin = performance.now();
  const message = await refused(
    args(
      ...forced.map(({ port, hostKey }, index) => {
        const login = { ...loginAt(port, hostKey.public), user: "root" };
        return machine(`mq${index}`, login);
      }),
    ),
  );
  assert.ok(performance.now() - begin < 10_000);
  const wrong = "(127.0.0.1): runs no command for the user root (it says:";
  assert.deepEqual(faults(message), [
    `mq0 ${wrong} Please login as the user "debian" rather than the user "root".); set existing.user to debian`,
    `mq1 ${wrong} Please login as the user "debian" rather than the user "root".); set existing.user to debian`,
    `mq2 ${wrong} This account is currently not available.); set existing.user to one who may run commands there`,
    `mq3 ${wrong} backup only); set existing.user to one who may run commands there`,
    "mq4 (127.0.0.1): could not be probed: the probe wrote nothing; the user root must be able to run bash there",
  ]);
});

test("what a user's own shell writes before the probe is no refusal", async () => {
  const server = await serve();
  await writeFile(join(server.folder, "seen"), `Welcome!\n${seen}`);
  const found = await precheck(args(machine("mq1", loginAt(server.port, server.hostKey.public))));
  assert.equal(found.size, 1);
});

test("sudo that needs a terminal, and a machine without sudo", async () => {
  const [tty, none] = await Promise.all([serve(), serve()]);
  await writeFile(join(tty.folder, "denied"), "sudo: sorry, you must have a tty to run sudo\n");
  await writeFile(join(none.folder, "denied"), "bash: line 1: sudo: command not found\n");
  const [first, second] = [tty, none].map(({ port, hostKey }, index) =>
    machine(`mq${index}`, loginAt(port, hostKey.public)),
  );
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(faults(await refused(args(first, second))), [
    "mq0 (127.0.0.1): sudo lets the user ops become root only from a terminal (sudo: sorry, you must have a tty to run sudo); " +
      "put Defaults:ops !requiretty into a file of /etc/sudoers.d, or set existing.user",
    "mq1 (127.0.0.1): the user ops is not root, and there is no sudo; install it, or set existing.user to root",
  ]);
});

test("an sshd that drops the first connections is asked again; one that drops all is named", async () => {
  const [busy, closed] = await Promise.all([serve({ refuseFirst: 2 }), serve({ refuseFirst: 1000 })]);
  const at = ({ port, hostKey }: SshServer): ProbeTarget => machine("mq1", loginAt(port, hostKey.public));
  assert.equal((await precheck(args(at(busy)))).size, 1);
  assert.equal(busy.dials.length, 3);
  const begin = performance.now();
  assert.deepEqual(faults(await refused(args(at(closed)))), [
    `mq1 (127.0.0.1): 127.0.0.1:${closed.port} closes the connection before the log-in; its sshd, or fail2ban there, ` +
      "refuses this computer for now: wait some minutes, or raise MaxStartups and PerSourceMaxStartups in its sshd_config, " +
      "and exempt this computer in PerSourcePenaltyExemptList",
  ]);
  assert.ok(performance.now() - begin < 10_000);
});

test("a fault of the bastion is reported once", async () => {
  const [server, bastion, mute] = await Promise.all([serve(), serve(), serve({ neverAnswers: true })]);
  const behind = (proxy: Login): ProbeTarget[] =>
    ["mq1", "mq2"].map((name) => machine(name, { ...loginAt(server.port, server.hostKey.public), proxy }));
  assert.equal((await precheck(args(...behind(loginAt(bastion.port, bastion.hostKey.public))))).size, 2);
  assert.deepEqual(faults(await refused(args(...behind(loginAt(bastion.port, other.public))))), [
    `the bastion (127.0.0.1): shows the host key ${fingerprint(bastion.hostKey.public)}, and ${fingerprint(other.public)} is pinned; if the new key is right, pin it in existing.hostKeys: ssh-keyscan -t ed25519,ecdsa -p ${bastion.port} 127.0.0.1`,
  ]);
  assert.deepEqual(faults(await refused(args(...behind(loginAt(mute.port, mute.hostKey.public))))), [
    `the bastion (127.0.0.1): 127.0.0.1:${mute.port} does not answer by SSH within 9 s; start it, let the firewall pass port ${mute.port}, or correct the address`,
  ]);
});

test("a bastion is asked for its own limits; one that says nothing of them is none", async () => {
  const limits = await makeScratchFolder();
  const answer = async (name: string, body: string): Promise<void> => {
    await writeFile(join(limits, name), `#!/bin/bash\n${body}\n`);
    await chmod(join(limits, name), 0o755);
  };
  const path = process.env["PATH"];
  process.env["PATH"] = `${limits}:${path ?? ""}`;
  try {
    const [server, bastion] = await Promise.all([serve(), serve()]);
    const proxy = { ...loginAt(bastion.port, bastion.hostKey.public), user: "root" };
    const behind = args(machine("mq1", { ...loginAt(server.port, server.hostKey.public), proxy }));
    await answer("iptables-save", "exit 1");
    await answer("sshd", "echo maxstartups 2:30:60");
    info.mock.resetCalls();
    await precheck(behind);
    const told = info.mock.calls.map((call) => String((call.arguments as unknown[])[0]));
    assert.match(
      told.join("\n"),
      /^the bastion \(127\.0\.0\.1\): its sshd refuses log-ins from MaxStartups 2 at/m,
    );
    const rule = `-A INPUT -p tcp -m tcp --dport ${bastion.port} -m recent --update --seconds 30 --hitcount 6 -j DROP`;
    await answer("iptables-save", `echo "${rule}"`);
    assert.match(
      faults(await refused(behind)).join("\n"),
      new RegExp(
        `^the bastion .*its firewall \\(INPUT\\) refuses who connects to port ${bastion.port} 6 times in 30 s`,
      ),
    );
    const mute = await serve({ forcedCommand: "echo only forwarding; exit 1" });
    const other = { ...proxy, port: mute.port, hostKey: mute.hostKey.public };
    const found = await precheck(
      args(machine("mq1", { ...loginAt(server.port, server.hostKey.public), proxy: other })),
    );
    assert.equal(found.size, 1);
  } finally {
    process.env["PATH"] = path;
  }
});

test("a bastion that forwards nothing is named once, with what to allow", async () => {
  const [server, bastion] = await Promise.all([serve(), serve({ prohibitsForwarding: true })]);
  const proxy = loginAt(bastion.port, bastion.hostKey.public);
  const behind = ["mq1", "mq2"].map((name) =>
    machine(name, { ...loginAt(server.port, server.hostKey.public), proxy }),
  );
  assert.deepEqual(faults(await refused(args(...behind))), [
    `the bastion (127.0.0.1): forwards no connection to port ${server.port} for the user ops; allow it in its sshd_config ` +
      "(AllowTcpForwarding, PermitOpen), and in the options of the key in ~/.ssh/authorized_keys there",
  ]);
});
