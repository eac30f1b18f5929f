/** Machines that only let in a user with sudo, and only from a bastion. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ExistingStack } from "../../lab/strangers/existing-stack.ts";
import { tail } from "../../lab/trial/running.ts";

const stack = new ExistingStack({
  ...{ name: "f", subnet: "192.168.92.0/24", os: "debian-12", login: "sudo", bastion: true },
});
before(() => stack.open());
after(() => stack.close());

test("without the bastion nobody is let in, and each machine says so", async () => {
  await stack.configure("", (lines) => lines.replace(/^ {4}bastion: .*\n?/m, ""));
  const { code, output } = await stack.npm("preview");
  assert.notEqual(code, 0);
  assert.match(output, /have 5 faults/, tail(output));
});

test("a user who is asked for a password cannot become root", async () => {
  await stack.configure("");
  await stack.machines.on("f121", "echo 'operator ALL=(ALL) ALL' >/etc/sudoers.d/operator");
  const { code, output } = await stack.npm("preview");
  await stack.machines.on("f121", "echo 'operator ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/operator");
  assert.notEqual(code, 0);
  assert.match(output, /f121 \(192\.168\.92\.121\): .*sudo.*password/, tail(output));
});

test("through the bastion, by sudo, the system comes up, and a second up changes nothing", async () => {
  await stack.must("up");
  const again = await stack.must("up");
  assert.doesNotMatch(again, /^ +[-+~]+ ?\d+ (created|updated|replaced|deleted)$/m, tail(again));
});

test("destroy finds the way back, too", async () => {
  await stack.must("destroy");
  for (const host of ["f120", "f124"]) {
    const left = await stack.machines.on(host, "grep -rls 'Written by rabbitmq-ha' /etc || true");
    assert.equal(left, "", host);
  }
});
