/** Rocky 9's stand-in: dnf, a mirror of BaseOS and AppStream, and the RPMs of Erlang and RabbitMQ by URL. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack, packagesConfig } from "../../testbed/existing/existing-stack.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "j", subnet: "192.168.96.0/24", os: "rocky-9" }));

test("one up sets up the system on five Rocky 9 machines, and a second up changes nothing", async () => {
  await stack.configure(packagesConfig(stack.machines));
  await stack.runOrThrow("up");
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("destroy restores the repositories and removes the program's files", async () => {
  await stack.ensureUp(packagesConfig(stack.machines));
  await stack.runOrThrow("destroy");
  for (const host of ["j120", "j123"]) {
    const left = await stack.machines.runOn(
      host,
      "grep -rls 'Written by rabbitmq-ha' /etc || true; grep -ls '^#mirrorlist' /etc/yum.repos.d/* || true",
    );
    assert.equal(left, "", host);
  }
});
