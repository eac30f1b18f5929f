/**
 * Compares every document that the program writes or runs with its snapshot in tests/unit/templates/rendered. After a
 * template was changed on purpose, update the snapshots: `node --test --test-update-snapshots tests/unit/templates/rendered.test.ts`.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { before, test } from "node:test";
import { runStacks, commandText, type CommandInput, type StackRuns } from "../../support/command-texts.ts";
import { probeScripts } from "../../support/probes.ts";
import { givenMachineScripts } from "../../support/given-machine-scripts.ts";

const folder = join(import.meta.dirname, "rendered");

/** Where each document is found: the stack, the resource and the resource's field. */
const documents: Readonly<Record<string, readonly [keyof StackRuns, string, CommandInput]>> = {
  "lab/route.sh": ["dev", "lab-route", "create"],
  "lab/route-undo.sh": ["dev", "lab-route", "delete"],
  "lab/network.sh": ["dev", "lab-network", "create"],
  "lab/network-undo.sh": ["dev", "lab-network", "delete"],
  "lab/image.sh": ["dev", "lab-image", "create"],
  "lab/debian-13/image.sh": ["newest", "lab-image", "create"],
  "lab/given-image.sh": ["other", "lab-image", "create"],
  "lab/machine.sh": ["dev", "cent120-machine", "create"],
  "lab/machine-undo.sh": ["dev", "cent120-machine", "delete"],

  "existing/clean-up.sh": ["existing", "cent120-machine", "stdin"],
  "existing/balancer/clean-up.sh": ["existing", "cent123-machine", "stdin"],
  "existing/sudo/ready.sh": ["existing", "cent120-ready", "create"],
  "existing/sudo/program.sh": ["existing", "cent120-program", "stdin"],

  "remote/ready.sh": ["dev", "cent120-ready", "create"],
  "remote/program.sh": ["dev", "cent120-program", "stdin"],

  "rabbitmq/rabbitmq.conf": ["dev", "cent120-config", "stdin"],
  "rabbitmq/joining/rabbitmq.conf": ["dev", "cent121-config", "stdin"],
  "rabbitmq/ram-and-settings/rabbitmq.conf": ["other", "cent122-config", "stdin"],
  "rabbitmq/with-plug-ins/rabbitmq.conf": ["newest", "cent120-config", "stdin"],
  "rabbitmq/with-tls/rabbitmq.conf": ["ubuntu", "cent120-config", "stdin"],
  "rabbitmq/tls-only/rabbitmq.conf": ["rocky9", "cent120-config", "stdin"],
  "rabbitmq/advanced.config": ["dev", "cent120-tick-time", "stdin"],
  "rabbitmq/with-terms/advanced.config": ["other", "cent120-tick-time", "stdin"],
  "rabbitmq/rabbitmq-ha-secrets.conf": ["dev", "cent120-secret-settings", "stdin"],
  "rabbitmq/with-secrets/rabbitmq-ha-secrets.conf": ["other", "cent120-secret-settings", "stdin"],
  "rabbitmq/rabbitmq-ha.conf": ["dev", "cent120-limits", "stdin"],
  "rabbitmq-ha/broker.conf": ["dev", "cent120-watch-script", "stdin"],
  "rabbitmq-ha/joining/broker.conf": ["dev", "cent121-watch-script", "stdin"],
  "rabbitmq-ha/with-agent/broker.conf": ["other", "cent120-watch-script", "stdin"],
  "rabbitmq/with-agent/rabbitmq-ha-agent.socket": ["other", "cent120-agent-socket", "stdin"],
  "rabbitmq/with-agent/rabbitmq-ha-agent@.service": ["other", "cent120-agent-unit", "stdin"],
  "rabbitmq/rabbitmq-ha-watch.service": ["dev", "cent120-watch-unit", "stdin"],

  "haproxy/haproxy.cfg": ["dev", "haproxy-cent123-config", "stdin"],
  "haproxy/with-plug-ins/haproxy.cfg": ["newest", "haproxy-cent123-config", "stdin"],
  "haproxy/with-tls/haproxy.cfg": ["ubuntu", "haproxy-cent123-config", "stdin"],
  "haproxy/stats.cfg": ["dev", "haproxy-cent123-stats", "stdin"],
  "haproxy/rabbitmq-ha.conf": ["dev", "haproxy-cent123-unit", "stdin"],
  "haproxy/with-password/stats.cfg": ["other", "haproxy-cent124-stats", "stdin"],
  "haproxy/from-source/haproxy.service": ["other", "haproxy-cent123-source-unit", "stdin"],
  "haproxy/many-connections/rabbitmq-ha.conf": ["other", "haproxy-cent123-unit", "stdin"],
  "haproxy/from-source/haproxy.cfg": ["other", "haproxy-cent123-config", "stdin"],

  "keepalived/keepalived.conf": ["dev", "virtual-address-cent123-config", "stdin"],
  "keepalived/second/keepalived.conf": ["dev", "virtual-address-cent124-config", "stdin"],
  "keepalived/no-preempt/keepalived.conf": ["other", "virtual-address-cent123-config", "stdin"],
  "keepalived/check-haproxy": ["dev", "virtual-address-cent123-check", "stdin"],
  "keepalived/revive-haproxy": ["dev", "virtual-address-cent123-revive", "stdin"],
  "keepalived/record-state": ["dev", "virtual-address-cent123-state", "stdin"],
  "keepalived/rabbitmq-ha-vrrp-watch.service": ["dev", "virtual-address-cent123-watch-unit", "stdin"],
  "keepalived/rabbitmq-ha.conf": ["dev", "virtual-address-cent123-unit", "stdin"],

  "aws/keepalived.conf": ["aws", "virtual-address-cent123-config", "stdin"],
  "aws/user-data": ["aws", "cent120-machine", "userData"],
  "aws/data.conf": ["aws", "cent120-data-unit", "stdin"],
  "aws/route/move-address": ["aws", "virtual-address-cent123-move", "stdin"],
  "aws/secondary-ip/move-address": ["awsOneSubnet", "virtual-address-cent123-move", "stdin"],
  "aws/centos-7/move-address": ["awsCentos7", "virtual-address-cent123-move", "stdin"],

  "centos-7/rabbitmq/rabbitmq-ha.conf": ["centos7", "cent120-limits", "stdin"],
  "centos-7/rabbitmq/rabbitmq-ha-watch.service": ["centos7", "cent120-watch-unit", "stdin"],
  "centos-7/rabbitmq/rabbitmq-ha-agent@.service": ["centos7Source", "cent120-agent-unit", "stdin"],
  "centos-7/haproxy/rabbitmq-ha.conf": ["centos7", "haproxy-cent123-unit", "stdin"],
  "centos-7/haproxy/from-source/haproxy.service": ["centos7Source", "haproxy-cent123-source-unit", "stdin"],
  "centos-7/haproxy/from-source/rabbitmq-ha.conf": ["centos7Source", "haproxy-cent123-unit", "stdin"],
  "centos-7/keepalived/keepalived.conf": ["centos7", "virtual-address-cent123-config", "stdin"],
  "centos-7/keepalived/rabbitmq-ha-vrrp-watch.service": [
    "centos7",
    "virtual-address-cent123-watch-unit",
    "stdin",
  ],
  "centos-7/keepalived/rabbitmq-ha.conf": ["centos7", "virtual-address-cent123-unit", "stdin"],

  "rocky-9/rabbitmq-ha.repo": ["rocky9", "cent120-repository", "stdin"],
  "rocky-9/haproxy/rabbitmq-ha.conf": ["rocky9", "haproxy-cent123-unit", "stdin"],

  "debian-13/rabbitmq/rabbitmq-ha.conf": ["newest", "cent120-limits", "stdin"],

  "ubuntu-24.04/rabbitmq/rabbitmq-ha.list": ["ubuntu", "cent120-repository", "stdin"],
  "ubuntu-24.04/rabbitmq/preferences": ["ubuntu", "cent120-repository-pin", "stdin"],
  "ubuntu-24.04/haproxy/rabbitmq-ha.conf": ["ubuntu", "haproxy-cent123-unit", "stdin"],
  "ubuntu-24.04/keepalived/keepalived.conf": ["ubuntu", "virtual-address-cent123-config", "stdin"],
  "ubuntu-24.04/keepalived/rabbitmq-ha.conf": ["ubuntu", "virtual-address-cent123-unit", "stdin"],
};

let stacks: StackRuns;
before(async () => {
  stacks = await runStacks();
});

for (const [document, [stack, resource, field]] of Object.entries(documents)) {
  test(document, (t) => {
    const text = commandText(stacks[stack].graph.get(resource), field);
    t.assert.fileSnapshot(text, join(folder, document), { serializers: [String] });
  });
}

const others = { ...probeScripts(), ...givenMachineScripts() };
for (const [document, text] of Object.entries(others)) {
  test(document, (t) => {
    t.assert.fileSnapshot(text, join(folder, document), { serializers: [String] });
  });
}

// Last, because an update writes the snapshots.
test("every snapshot is compared", () => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const found = files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  assert.deepEqual(found.sort(), Object.keys({ ...documents, ...others }).sort());
});
