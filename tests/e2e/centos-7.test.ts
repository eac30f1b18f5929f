/**
 * The tutorial's system: five machines that are CentOS 7 as far as one can be had here (docs/centos-7.md says how far),
 * or CentOS 7 itself where RABBITMQ_HA_CENTOS7_IMAGE names an image of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack, packagesOf } from "../../testbed/machines/existing-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "g", subnet: "192.168.93.0/24", os: "centos-7" }));

test("without the RPMs' sums nothing is installed, and the refusal says how to get them", async () => {
  await stack.configure("");
  const { code, output } = await stack.npm("preview");
  assert.notEqual(code, 0);
  assert.match(output, /packages\.erlang\.sha256: missing, .*curl -L https:.* \| sha256sum/, tail(output));
});

test("five CentOS 7 machines become a whole system by one command, and are warned of", async () => {
  await stack.configure(packagesOf(stack.machines));
  const output = await stack.must("up");
  assert.match(output, /warning: CentOS 7 has had no updates/);
  assert.match(await stack.must("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("one setting of HAProxy changes its file and reloads it, no more", async () => {
  await stack.ensureUp(packagesOf(stack.machines));
  await stack.configure(
    `${packagesOf(stack.machines)}\n  rabbitmq-ha:haproxy: { maxConnections: { global: 4096 } }`,
  );
  const output = await stack.must("up");
  assert.match(output, /^ +~ 4 updated$/m, tail(output));
});

test("a broker's and a balancer's machine come back from a power failure by themselves", async () => {
  await stack.ensureUp();
  for (const host of ["g121", "g123"]) {
    await stack.machines.powerOff(host);
    await stack.machines.powerOn(host);
  }
  const deadline = Date.now() + 90_000;
  let last = await stack.npm("verify");
  while (last.code !== 0 && Date.now() < deadline) last = await stack.npm("verify");
  assert.equal(last.code, 0, tail(last.output));
});

test("destroy leaves the repositories as they were, and no file of the program's", async () => {
  await stack.ensureUp();
  await stack.must("destroy");
  for (const host of ["g120", "g123"]) {
    const left = await stack.machines.on(
      host,
      "grep -rls 'Written by rabbitmq-ha' /etc || true; grep -ls vault /etc/yum.repos.d/* || true",
    );
    assert.equal(left, "", host);
  }
});
