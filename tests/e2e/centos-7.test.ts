/**
 * The tutorial's system: five machines of a stand-in for CentOS 7 (docs/centos-7.md says how close it is), or of CentOS 7
 * itself where RABBITMQ_HA_CENTOS7_IMAGE names an image of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack, packagesConfig } from "../../testbed/existing/existing-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "g", subnet: "192.168.93.0/24", os: "centos-7" }));

/** The stack's settings with one change of HAProxy's. */
const changedSettings = (): string =>
  `${packagesConfig(stack.machines)}\n  rabbitmq-ha:haproxy: { maxConnections: { global: 4096 } }`;

test("preview refuses a configuration without the RPMs' checksums and says how to get them", async () => {
  await stack.configure("");
  const { code, output } = await stack.npm("preview");
  assert.notEqual(code, 0);
  assert.match(output, /packages\.erlang\.sha256: missing, .*curl -L https:.* \| sha256sum/, tail(output));
});

test("one up sets up the system on five CentOS 7 machines and warns of CentOS 7; a second up changes nothing", async () => {
  await stack.configure(packagesConfig(stack.machines));
  const output = await stack.runOrThrow("up");
  assert.match(output, /warning: CentOS 7 has had no updates/);
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("one HAProxy setting updates four resources: file and reload on each balancer", async () => {
  await stack.ensureUp(packagesConfig(stack.machines));
  await stack.configure(changedSettings());
  const output = await stack.runOrThrow("up");
  assert.match(output, /^ +~ 4 updated$/m, tail(output));
});

test("a broker and a balancer recover from a power failure by themselves", async () => {
  await stack.ensureUp(changedSettings());
  for (const host of ["g121", "g123"]) {
    await stack.machines.powerOff(host);
    await stack.machines.powerOn(host);
  }
  const deadline = Date.now() + 90_000;
  let last = await stack.npm("verify");
  while (last.code !== 0 && Date.now() < deadline) last = await stack.npm("verify");
  assert.equal(last.code, 0, tail(last.output));
});

test("destroy restores the repositories and removes the program's files", async () => {
  await stack.ensureUp(changedSettings());
  await stack.runOrThrow("destroy");
  for (const host of ["g120", "g123"]) {
    const left = await stack.machines.runOn(
      host,
      "grep -rls 'Written by rabbitmq-ha' /etc || true; grep -ls vault /etc/yum.repos.d/* || true",
    );
    assert.equal(left, "", host);
  }
});
