/** What a host's firewall is told to let in; how it is told is tested with the program on the hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../../hosts/host.ts";
import { openings, type FirewallArgs } from "../../../remote/firewall.ts";

const args = (address: string, role: FirewallArgs["role"]): FirewallArgs => ({
  host: { address } as Host,
  role,
  brokers: ["10.0.0.1", "10.0.0.2"],
  balancers: ["10.0.0.8", "10.0.0.9"],
  ports: { amqp: 5672, management: 15672 },
  statsPort: 8100,
});
const lines = (of: FirewallArgs): string[] => openings(of).map((rule) => Object.values(rule).join(" "));

test("a broker lets in clients through the balancers, its cluster, and anybody to its console", () => {
  assert.deepEqual(lines(args("10.0.0.1", "broker")), [
    "tcp 5672 10.0.0.8",
    "tcp 5672 10.0.0.9",
    "tcp 5672 10.0.0.2",
    "tcp 15672 any",
    "tcp 4369 10.0.0.2",
    "tcp 25672 10.0.0.2",
    "tcp 35672-35682 10.0.0.2",
  ]);
});

test("a broker is asked for alarms by the balancers alone", () => {
  const found = lines({ ...args("10.0.0.1", "broker"), agentPort: 5670 });
  assert.deepEqual(
    found.filter((line) => line.includes(" 5670 ")),
    ["tcp 5670 10.0.0.8", "tcp 5670 10.0.0.9"],
  );
});

test("a balancer lets in everybody, and the other balancers' VRRP", () => {
  assert.deepEqual(lines(args("10.0.0.9", "balancer")), [
    "tcp 5672 any",
    "tcp 15672 any",
    "tcp 8100 any",
    "vrrp - 10.0.0.8",
  ]);
});
