/** The rules for a host's firewall; how they are applied is tested with the program on the hosts (tests/agent). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../../hosts/host.ts";
import { defaultPorts, frontendsOf } from "../../../hosts/protocol-ports.ts";
import { hostRules, type FirewallArgs } from "../../../remote/firewall.ts";

const args = (address: string, role: FirewallArgs["role"]): FirewallArgs => ({
  host: { address } as Host,
  role,
  brokers: ["10.0.0.1", "10.0.0.2"],
  balancers: ["10.0.0.8", "10.0.0.9"],
  frontends: frontendsOf({
    ports: defaultPorts,
    plugins: ["rabbitmq_management"],
  }),
  statsPort: 8100,
});
const lines = (of: FirewallArgs): string[] => hostRules(of).map((rule) => Object.values(rule).join(" "));

test("a broker allows AMQP from the balancers, traffic from its cluster, and its management UI from anywhere", () => {
  assert.deepEqual(lines(args("10.0.0.1", "broker")), [
    "tcp 5672 10.0.0.8",
    "tcp 5672 10.0.0.9",
    "tcp 5672 10.0.0.2",
    "tcp 15672 any",
    "tcp 4369 10.0.0.2",
    "tcp 25672 10.0.0.2",
    "tcp 35672-35682 10.0.0.2",
    "tcp 6000-6500 10.0.0.2",
  ]);
});

test("those who read the metrics reach the statistics pages and the brokers' metrics, and nobody else does", () => {
  const metrics = { from: ["10.9.0.0/24", "10.8.0.7/32"], port: 15692 };
  const readers = (role: FirewallArgs["role"], port: number): string[] =>
    lines({ ...args("10.0.0.8", role), metrics }).filter((line) => line.includes(` ${port} `));
  assert.deepEqual(readers("balancer", 8100), ["tcp 8100 10.9.0.0/24", "tcp 8100 10.8.0.7"]);
  assert.deepEqual(readers("broker", 15692), ["tcp 15692 10.9.0.0/24", "tcp 15692 10.8.0.7"]);
});

test("a broker allows the agent check from the balancers only", () => {
  const found = lines({ ...args("10.0.0.1", "broker"), agentPort: 5670 });
  assert.deepEqual(
    found.filter((line) => line.includes(" 5670 ")),
    ["tcp 5670 10.0.0.8", "tcp 5670 10.0.0.9"],
  );
});

test("a balancer allows clients from anywhere, and VRRP from the other balancers", () => {
  const tcp = ["tcp 5672 any", "tcp 15672 any", "tcp 8100 any"];
  assert.deepEqual(lines(args("10.0.0.9", "balancer")), [...tcp, "vrrp - 10.0.0.8"]);
  const host = { address: "10.0.0.9", vrrp: { address: "10.7.0.9" } } as Host;
  const elsewhere = { ...args("10.0.0.9", "balancer"), host, vrrpAddresses: ["10.7.0.8", "10.7.0.9"] };
  assert.deepEqual(lines(elsewhere), [...tcp, "vrrp - 10.7.0.8"]);
});

test("a plug-in's ports, plain and with TLS, are for the balancers on a broker, and for anybody on a balancer", () => {
  const tls = { only: false, ports: { amqp: 5671, mqtt: 8883 } };
  const frontends = frontendsOf({ ports: defaultPorts, plugins: ["rabbitmq_mqtt"], tls });
  const found = (role: FirewallArgs["role"]): string[] =>
    lines({ ...args("10.0.0.1", role), frontends }).filter((line) => / (1883|8883) /.test(line));
  assert.deepEqual(found("broker"), [
    "tcp 1883 10.0.0.8",
    "tcp 1883 10.0.0.9",
    "tcp 8883 10.0.0.8",
    "tcp 8883 10.0.0.9",
  ]);
  assert.deepEqual(found("balancer"), ["tcp 1883 any", "tcp 8883 any"]);
});
