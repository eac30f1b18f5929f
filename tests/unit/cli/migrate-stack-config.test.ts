/** The key `haproxy.brokers` in a stack's file, as a migration writes it. */
import assert from "node:assert/strict";
import test from "node:test";
import { setServedBrokers } from "../../../cli/migrate/stack-config.ts";

const servers = [
  { name: "n1", address: "10.1.0.1" },
  { name: "n2", address: "10.1.0.2" },
];
const lines = (...text: readonly string[]): string => `${text.join("\n")}\n`;
const brokers = [
  "    brokers:",
  "      - { name: n1, address: 10.1.0.1 }",
  "      - { name: n2, address: 10.1.0.2 }",
];

test("comments and all other keys stay, and without the key the file is as it was", () => {
  const text = lines(
    "# ours",
    "encryptionsalt: v1:abc",
    "config:",
    "  rabbitmq-ha:haproxy:",
    "    rise: 3 # slow machines",
    "  rabbitmq-ha:virtualAddress: 10.0.0.9",
  );
  const changed = setServedBrokers(text, servers);
  assert.equal(
    changed,
    text.replace("    rise: 3 # slow machines\n", lines("    rise: 3 # slow machines", ...brokers)),
  );
  assert.equal(setServedBrokers(changed, servers), changed);
  assert.equal(setServedBrokers(changed, undefined), text);
});

test("a key without a value becomes the block", () => {
  const text = lines("config:", "  rabbitmq-ha:haproxy:", "  rabbitmq-ha:virtualAddress: 10.0.0.9");
  const changed = setServedBrokers(text, servers);
  assert.match(changed, /rabbitmq-ha:haproxy:\n {4}brokers:\n {6}- \{ name: n1/);
  assert.match(changed, /virtualAddress: 10\.0\.0\.9/);
});

test("the block comes and goes with the key", () => {
  const text = lines("config:", "  rabbitmq-ha:virtualAddress: 10.0.0.9");
  const changed = setServedBrokers(text, servers);
  assert.equal(changed, text + lines("  rabbitmq-ha:haproxy:", ...brokers));
  assert.equal(setServedBrokers(changed, undefined), text);
  assert.equal(setServedBrokers(text, undefined), text);
});

test("the block may be there without the namespace", () => {
  const text = lines("config:", "  haproxy:", "    rise: 3");
  const changed = setServedBrokers(text, servers);
  assert.equal(changed, text + lines(...brokers));
  assert.equal(setServedBrokers(changed, undefined), text);
});
