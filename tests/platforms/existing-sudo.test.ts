/** Machines that only let in a user with sudo, and only from a bastion. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack } from "../../testbed/machines/existing-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(
  new ExistingStack({ name: "f", subnet: "192.168.92.0/24", os: "debian-12", login: "sudo", bastion: true }),
);

test("without the bastion nobody is let in, and each machine says so", async () => {
  await stack.configure("", (lines) => lines.replace(/^ {4}bastion: .*\n?/m, ""));
  const { code, output } = await stack.npm("preview");
  assert.notEqual(code, 0);
  assert.match(output, /have 5 faults/, tail(output));
});

test("a user who is asked for a password cannot become root", async () => {
  await stack.configure("");
  const rules = (what: string): Promise<string> =>
    stack.machines.on("f121", `echo 'operator ALL=(ALL) ${what}' >/etc/sudoers.d/operator`);
  await rules("ALL");
  const { code, output } = await stack.npm("preview").finally(() => rules("NOPASSWD: ALL"));
  assert.notEqual(code, 0);
  assert.match(output, /f121 \(192\.168\.92\.121\): .*sudo.*password/, tail(output));
});

/** Advertises the virtual router id 51 as VRRP version 3 does (RFC 5798, 5.1), to its multicast address. */
const foreignRouter = `
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
while True:
    sender.sendto(bytes([0x31, 51, 100, 1, 0, 20, 0, 0, 192, 168, 92, 77]), ("224.0.0.18", 0))
    time.sleep(0.2)`;

test("another system than stated, a taken virtual address and a router id in use are named together", async () => {
  await stack.configure("", (lines) => lines.replace("os: debian-12", "os: debian-13"));
  await stack.machines.on(
    "f110",
    `ip addr add 192.168.92.100/24 dev eth0; systemd-run -q --unit router python3 -c '${foreignRouter}'`,
  );
  const { code, output } = await stack
    .npm("preview")
    .finally(() =>
      stack.machines.on("f110", "systemctl stop router; ip addr del 192.168.92.100/24 dev eth0"),
    );
  assert.notEqual(code, 0);
  assert.match(
    output,
    /f120 .*: runs debian-12, and os is debian-13; state the system that it runs/,
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

test("through the bastion, by sudo, the system comes up, and a second up changes nothing", async () => {
  await stack.configure("");
  await stack.must("up");
  assert.match(await stack.must("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("destroy finds the way back, too", async () => {
  await stack.ensureUp("");
  await stack.must("destroy");
  for (const host of ["f120", "f124"]) {
    const left = await stack.machines.on(host, "grep -rls 'Written by rabbitmq-ha' /etc || true");
    assert.equal(left, "", host);
  }
});
