/** The faults and warnings about firewalls, by what the probes print: the exact messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  blockedFaults,
  destinationsOf,
  firewallWarnings,
  parseFirewall,
  type FirewalledHost,
} from "../../../platforms/existing/precheck/firewalls.ts";
import { defaultPorts as ports } from "../../../hosts/protocol-ports.ts";

const login = { host: "", port: 22, user: "root", privateKey: "" };
const machines = ["mq1", "mq2", "mq3", "lb4"].map((name) => ({
  name,
  address: `10.0.0.${name.slice(-1)}`,
  role: name.startsWith("mq") ? ("broker" as const) : ("balancer" as const),
  login,
}));

/** @param lines by the machine's name, its lines without the firewall, which each has unless it says so */
function probed(lines: Readonly<Record<string, readonly string[]>>): FirewalledHost[] {
  return machines.map((machine) => {
    const said = lines[machine.name] ?? [];
    const all = (key: string): string[] =>
      said.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
    return { machine, facts: { firewall: parseFirewall(all) } };
  });
}

test("each machine tries the brokers' ports that it will use", () => {
  const tried = (name: string): string[] =>
    machines
      .filter((machine) => machine.name === name)
      .flatMap((machine) => destinationsOf(machine, { machines, ports, plugins: ["rabbitmq_management"] }))
      .map(({ address, port }) => `${address}:${port}`);
  assert.deepEqual(
    tried("mq2"),
    ["10.0.0.1", "10.0.0.3"].flatMap((address) => [4369, 25672, 5672].map((port) => `${address}:${port}`)),
  );
  assert.deepEqual(
    tried("lb4"),
    [1, 2, 3].flatMap((number) => [`10.0.0.${number}:5672`, `10.0.0.${number}:15672`]),
  );
});

test("ports that a firewall between the machines closes", () => {
  const closed = ["blocked=10.0.0.2 25672 dropped", "blocked=10.0.0.2 4369 dropped"];
  assert.deepEqual(
    blockedFaults(probed({ mq1: closed, mq3: closed, lb4: ["blocked=10.0.0.3 5672 unreachable"] })),
    [
      "mq2 (10.0.0.2): mq1 (10.0.0.1) and mq3 (10.0.0.3) cannot connect to its ports 4369 and 25672: a firewall on the way drops them; " +
        "let them in there, such as in the machines' security groups",
      "mq3 (10.0.0.3): lb4 (10.0.0.4) cannot connect to its port 5672: a firewall on the way rejects them, or there is no route; " +
        "let them in there, such as in the machines' security groups",
    ],
  );
  assert.deepEqual(blockedFaults(probed({})), []);
});

test("a firewall that up opens later is no fault; one of its own that nobody manages is named", () => {
  const mq1 = ["blocked=10.0.0.2 5672 unreachable"];
  for (const managed of ["firewalld", "ufw", "nftables", "iptables"]) {
    assert.deepEqual(blockedFaults(probed({ mq1, mq2: [`firewall=${managed}`] })), []);
  }
  assert.deepEqual(blockedFaults(probed({ mq1, mq2: ["firewall=unmanaged -A INPUT -j REJECT"] })), [
    "mq2 (10.0.0.2): mq1 (10.0.0.1) cannot connect to its port 5672: its own firewall refuses them (-A INPUT -j REJECT), and rabbitmq-ha " +
      "does not manage it, since no service loads it at boot; let them in there, for good",
  ]);
});

test("what stays open without a firewall, and a firewall that the program does not manage", () => {
  assert.deepEqual(firewallWarnings(probed({ mq1: ["firewall=ufw"] }), { ports }), []);
  assert.deepEqual(
    firewallWarnings(
      probed({
        ...{ mq1: ["firewall=none"], mq2: ["firewall=none"], lb4: ["firewall=none"] },
        mq3: ["firewall=unmanaged policy DROP"],
      }),
      { ports },
    ),
    [
      "mq1 (10.0.0.1) and mq2 (10.0.0.2): no firewall: 4369 and 25672 (the brokers' own traffic) and 15672 (the console) listen on every " +
        "address. See that a firewall or a security group lets in only the stack's machines, and to the console its users.",
      "mq3 (10.0.0.3): its own firewall refuses what it does not name (policy DROP), and rabbitmq-ha does not manage it, since no service " +
        "loads it at boot. See that it lets in what docs/systems.md lists.",
    ],
  );
});
