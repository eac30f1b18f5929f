/** The settings of a stack's file for given machines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { renderSettings, type MachineLayout } from "../../../testbed/existing/settings.ts";

const layout: MachineLayout = {
  os: "debian-12",
  machines: [120, 121, 122, 123, 124].map((last) => ({ name: `x${last}`, address: `192.168.95.${last}` })),
  bastion: undefined,
  user: "root",
  virtualAddress: "192.168.95.100",
  privateKeyFile: "/tmp/keys/id_ed25519",
  hostKeys: "192.168.95.120 ssh-ed25519 AAAA\n192.168.95.121 ssh-ed25519 BBBB\n",
};

test("the last two machines are balancers, and the host keys are copied unchanged", () => {
  assert.equal(
    renderSettings(layout),
    `  rabbitmq-ha:platform: existing
  rabbitmq-ha:os: debian-12
  rabbitmq-ha:brokers:
    - { name: x120, address: 192.168.95.120 }
    - { name: x121, address: 192.168.95.121 }
    - { name: x122, address: 192.168.95.122 }
  rabbitmq-ha:balancers:
    - { name: x123, address: 192.168.95.123 }
    - { name: x124, address: 192.168.95.124 }
  rabbitmq-ha:virtualAddress: 192.168.95.100
  rabbitmq-ha:existing:
    user: root
    privateKeyFile: /tmp/keys/id_ed25519
    hostKeys: |
      192.168.95.120 ssh-ed25519 AAAA
      192.168.95.121 ssh-ed25519 BBBB`,
  );
});

test("the bastion has the same login user", () => {
  const text = renderSettings({
    ...layout,
    user: "operator",
    bastion: { name: "x110", address: "192.168.95.110" },
  });
  assert.match(text, /^ {4}user: operator$/m);
  assert.match(text, /^ {4}bastion: { host: 192\.168\.95\.110, user: operator }$/m);
});
