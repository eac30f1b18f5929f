/** The protocols of plug-ins, switched on in a running stack, with clients that use them through the virtual address. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { assertProtocolsWork, protocolPlugins } from "../support/protocol-clients.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "po", net: 82 }));

/** What tells one run of each broker from the next. */
async function starts(): Promise<string[]> {
  const script = "systemctl show -p MainPID,ExecMainStartTimestampMonotonic rabbitmq-server";
  return Promise.all(lab.brokers.map((host) => lab.runOn(host, script)));
}

test("plug-ins are switched on without a restart where the nodes have no default type of queues, and their clients work through the virtual address", async () => {
  await lab.ensureUp("");
  const before = await starts();
  await lab.ensureUp(protocolPlugins);
  if (lab.release.version.startsWith("3.")) assert.deepEqual(await starts(), before);
  await assertProtocolsWork(lab);
});

test("no check leaves a line in a broker's log", async () => {
  await lab.ensureUp(protocolPlugins);
  const size = (host: string): Promise<string> =>
    lab.runOn(host, "stat -c %s /var/log/rabbitmq/rabbit@$(hostname -s).log");
  // The clients of the test before may still be ending.
  await pause(3000);
  const sizes = await Promise.all(lab.brokers.map(size));
  await pause(15_000);
  const added = await Promise.all(
    lab.brokers.map((host, index) =>
      lab.runOn(host, `tail -c +${Number(sizes[index]) + 1} /var/log/rabbitmq/rabbit@$(hostname -s).log`),
    ),
  );
  assert.deepEqual(added, ["", "", ""]);
});
