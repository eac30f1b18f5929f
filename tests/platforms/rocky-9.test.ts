/** Rocky 9's stand-in: dnf, a mirror of BaseOS and AppStream, and the RPMs of Erlang and RabbitMQ by URL. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack, packagesOf } from "../../testbed/machines/existing-stack.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(new ExistingStack({ name: "j", subnet: "192.168.96.0/24", os: "rocky-9" }));

test("five Rocky 9 machines become a whole system, and a second up changes nothing", async () => {
  await stack.configure(packagesOf(stack.machines));
  await stack.must("up");
  assert.match(await stack.must("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("destroy leaves the repositories as they were, and no file of the program's", async () => {
  await stack.ensureUp(packagesOf(stack.machines));
  await stack.must("destroy");
  for (const host of ["j120", "j123"]) {
    const left = await stack.machines.on(
      host,
      "grep -rls 'Written by rabbitmq-ha' /etc || true; grep -ls '^#mirrorlist' /etc/yum.repos.d/* || true",
    );
    assert.equal(left, "", host);
  }
});
