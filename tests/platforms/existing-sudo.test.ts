/** Machines that only accept logins of a user with sudo, and only from a bastion. */
import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { derivePublicKey, makePrivateKey } from "../../platforms/ssh-keys.ts";
import { ExistingStack } from "../../testbed/existing/existing-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { root } from "../../testbed/stacks/trial-stack.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(
  new ExistingStack({ name: "f", subnet: "192.168.92.0/24", os: "debian-12", login: "sudo", bastion: true }),
);

test("without the bastion, preview refuses all five machines", async () => {
  await stack.configure("", (lines) => lines.replace(/^ {4}bastion: .*\n?/m, ""));
  const { code, output } = await stack.npm("preview");
  assert.notEqual(code, 0);
  assert.match(output, /have 5 faults/, tail(output));
});

test("preview refuses a machine whose sudo asks for a password", async () => {
  await stack.configure("");
  const rules = (what: string): Promise<string> =>
    stack.machines.runOn("f121", `echo 'operator ALL=(ALL) ${what}' >/etc/sudoers.d/operator`);
  await rules("ALL");
  const { code, output } = await stack.npm("preview").finally(() => rules("NOPASSWD: ALL"));
  assert.notEqual(code, 0);
  assert.match(output, /f121 \(192\.168\.92\.121\): .*sudo.*password/, tail(output));
});

/** Sends advertisements for the virtual router ID 51 in VRRP version 3 (RFC 5798, 5.1) to its multicast address. */
const foreignRouter = `
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
while True:
    sender.sendto(bytes([0x31, 51, 100, 1, 0, 20, 0, 0, 192, 168, 92, 77]), ("224.0.0.18", 0))
    time.sleep(0.2)`;

test("preview lists a wrong operating system, a taken virtual address and a used router ID together", async () => {
  await stack.configure("", (lines) => lines.replace("os: debian-12", "os: debian-13"));
  await stack.machines.runOn(
    "f110",
    `ip addr add 192.168.92.100/24 dev eth0; systemd-run -q --unit router python3 -c '${foreignRouter}'`,
  );
  const { code, output } = await stack
    .npm("preview")
    .finally(() =>
      stack.machines.runOn("f110", "systemctl stop router; ip addr del 192.168.92.100/24 dev eth0"),
    );
  assert.notEqual(code, 0);
  assert.match(
    output,
    /f120 .*: runs debian-12, and os is debian-13; set os to the system that it runs/,
    tail(output),
  );
  assert.match(
    output,
    /f123 .*: the virtual address 192\.168\.92\.100 is taken: [0-9a-f:]{17}, none of the stack's/,
  );
  assert.match(
    output,
    /f123 .* and f124 .*: the virtual router id 51 is used by 192\.168\.92\.110 on the same/,
  );
});

test("up sets up the system through the bastion with sudo, and a second up changes nothing", async () => {
  await stack.configure("");
  await stack.runOrThrow("up");
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("another SSH key of the user's own, which the bastion has to accept first", async () => {
  await stack.ensureUp("");
  const { privateKeyFile: old, machines, user } = stack.machines;
  const file = `${old}-2`;
  await writeFile(file, makePrivateKey("f"), { mode: 0o600 });
  const keys = `/home/${user}/.ssh/authorized_keys`;
  // Without the end of the last line, which the shell's answer does not have.
  const read = (): Promise<string[]> =>
    Promise.all(
      machines.map(({ name }) => stack.machines.runOn(name, `stat -c '%U %a' ${keys}; cat ${keys}`)),
    );
  const before = await read();
  const begin = ["ssh-key", "--key", file];
  const { code, output } = await stack.npm("rotate", ...begin);
  assert.equal(code, 1);
  const line = /does not accept the new key .* add this line to .*\n(ssh-ed25519 \S+)$/m.exec(output)?.[1];
  assert.ok(line !== undefined, tail(output));
  assert.deepEqual(await read(), before);

  const stackFile = (): Promise<string> => readFile(join(root, `Pulumi.${stack.stack}.yaml`), "utf8");
  const text = await stackFile();
  await stack.machines.runOn("f110", `echo '${line}' >>${keys}`);
  assert.match(await stack.runOrThrow("rotate", ...begin, "--preview"), /privateKeyFile would name its file/);
  assert.deepEqual([await read(), await stackFile()], [before, text]);
  await stack.runOrThrow("rotate", ...begin);
  assert.deepEqual(
    await read(),
    before.map((each) => `${each}\n${line} rabbitmq-ha`),
  );
  assert.equal(await stackFile(), text.replace(old, file));
  await stack.configure("", (lines) => lines.replace(old, file));
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
  const ended = await stack.runOrThrow("rotate", "ssh-key", "--finish");
  const former = derivePublicKey(await readFile(old, "utf8"));
  assert.match(ended, /on the bastion 192\.168\.92\.110, remove the former key yourself:/, tail(ended));
  assert.deepEqual(
    await read(),
    before.map((each) => `${each.replace(former, "")}${line} rabbitmq-ha`),
  );
  // The configuration of the other tests names the first file.
  await copyFile(file, old);
  await stack.ensureUp("");
});

test("destroy through the bastion removes the program's files", async () => {
  await stack.ensureUp("");
  await stack.runOrThrow("destroy");
  for (const host of ["f120", "f124"]) {
    const left = await stack.machines.runOn(host, "grep -rls 'Written by rabbitmq-ha' /etc || true");
    assert.equal(left, "", host);
  }
});
