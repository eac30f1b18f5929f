/** The faults of existing machines by their probes' output: the exact messages, and none for healthy machines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findFaults } from "../../../platforms/existing/precheck/faults.ts";
import {
  formatFaults,
  routerCheckNotice,
  clockWarning,
} from "../../../platforms/existing/precheck/precheck.ts";
import {
  hasFacts,
  parseProbeOutput,
  type ProbeResult,
  type ProbeOutcome,
} from "../../../platforms/existing/precheck/probe.ts";
import { vrrpAddress } from "../../../platforms/existing/precheck/vrrp-address.ts";
import type { ProbeTarget, IntendedSetup } from "../../../platforms/existing/precheck/probe-target.ts";
import { SshError } from "../../../remote/ssh.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

const login = { port: 22, user: "ops", privateKey: "", hostKey: "ssh-ed25519 AAAA" };

function machine(name: string, address: string, role: ProbeTarget["role"]): ProbeTarget {
  return { name, address, role, login: { ...login, host: address } };
}

const brokers = [1, 2, 3].map((number) => machine(`mq${number}`, `10.0.0.${number}`, "broker"));
const balancers = [4, 5].map((number) => machine(`lb${number}`, `10.0.0.${number}`, "balancer"));
const plan: IntendedSetup = {
  ...intendedSetup,
  machines: [...brokers, ...balancers],
};

/** What the probe prints on a machine that the program has set up already. */
function lines({ name, address, role }: ProbeTarget): string[] {
  const common = [
    ...["clock=1000.5", "system=debian-12", "fits=yes", "systemd=252", `machine-id=${name}-id`],
    ...["inet=lo 127.0.0.1/8", `inet=eth0 ${address}/24`, `mac=02:00:00:00:00:0${address.slice(-1)}`],
    ...["known=yes", `hostname=${name}`, "shell=/bin/bash", "broker=runs"],
    ...["memory=2000000", "disk=9000000", "synchronized=yes", "files=done"],
  ];
  if (role === "broker") {
    return [
      ...[...common, `data=rabbit@${name}`, "listener=5672 [::] beam.smp", "listener=25672 0.0.0.0 beam.smp"],
      ...["listener=15672 0.0.0.0 beam.smp", "listener=15692 [::] beam.smp"],
      ...["listener=4369 * epmd,systemd", "listener=4369 [::] systemd"],
    ];
  }
  const held = name === "lb4" ? ["inet=eth0 10.0.0.100/24"] : ["neighbour=02:00:00:00:00:04"];
  return [
    ...[...common, ...held, "device=eth0", "listener=5672 0.0.0.0 haproxy", "listener=15672 * haproxy"],
    ...[`listener=8100 ${address} haproxy`, "vrrp=10.0.0.4", "vrrp=done"],
  ];
}

/** Lines of a machine's probe to leave out (by their beginning) and to add; or the outcome that replaces them all. */
type Change =
  { readonly without?: string | readonly string[]; readonly add?: readonly string[] } | ProbeOutcome;

function looks(changes: Readonly<Record<string, Change>> = {}, machines = plan.machines): ProbeResult[] {
  return machines.map((each) => {
    const change = changes[each.name] ?? {};
    if (change instanceof Error || "sudo" in change || "machineId" in change)
      return { machine: each, outcome: change };
    const { without = [], add = [] } = change;
    const remaining = lines(each).filter((line) => ![without].flat().some((start) => line.startsWith(start)));
    return { machine: each, outcome: parseProbeOutput([...remaining, ...add].join("\n"), 1000) };
  });
}

function faultsAfter(
  changes: Readonly<Record<string, Change>>,
  given: Partial<IntendedSetup> = {},
): string[] {
  return findFaults(looks(changes), { ...plan, ...given });
}

test("machines that the program has set up have no faults", () => {
  assert.deepEqual(faultsAfter({}), []);
});

test("a port that a firewall between the machines closes", () => {
  assert.deepEqual(faultsAfter({ lb4: { add: ["blocked=10.0.0.2 5672 dropped"] } }), [
    "mq2 (10.0.0.2): lb4 (10.0.0.4) cannot connect to its port 5672: a firewall on the way drops them; let them in there, such as in the machines' security groups",
  ]);
});

test("another system than configured", () => {
  assert.deepEqual(faultsAfter({ mq1: { without: "fits=" } }, { os: "rocky-9" }), [
    "mq1 (10.0.0.1): runs debian-12, and os is rocky-9; set os to the system that it runs, or use another machine",
  ]);
});

test("no systemd, and one that is too old", () => {
  const changes = { mq1: { without: "systemd=" }, mq2: { without: "systemd=", add: ["systemd=208"] } };
  assert.deepEqual(faultsAfter(changes), [
    "mq1 (10.0.0.1): does not run systemd; use a machine that does",
    "mq2 (10.0.0.2): has systemd 208; use a machine with 219 or newer",
  ]);
  assert.deepEqual(faultsAfter({ mq1: { without: "systemd=", add: ["systemd=219"] } }), []);
});

test("a clock that is off by more than 5 s", () => {
  const clock = (seconds: number): Change => ({ without: "clock=", add: [`clock=${seconds}`] });
  assert.deepEqual(faultsAfter({ mq1: clock(1042.8), lb4: clock(940.2), lb5: clock(1005.4) }), [
    "mq1 (10.0.0.1): its clock is 42 s ahead of the median of all machines' clocks; set it, and synchronize it by NTP (chrony or systemd-timesyncd)",
    "lb4 (10.0.0.4): its clock is 60 s behind the median of all machines' clocks; set it, and synchronize it by NTP (chrony or systemd-timesyncd)",
  ]);
});

test("too little disk and memory, by role", () => {
  const short = looks({
    mq1: { without: ["disk=", "data="], add: ["disk=2097151"] },
    mq2: { without: ["memory=", "data="], add: ["memory=524287"] },
    lb4: { without: "disk=", add: ["disk=524287"] },
    lb5: { without: "memory=", add: ["memory=204799"] },
  });
  assert.deepEqual(findFaults(short, plan), [
    "mq1 (10.0.0.1): has 2047 MiB free below /var, and a broker needs 2048 MiB; free some space there",
    "mq2 (10.0.0.2): has 511 MiB of memory, and a broker needs 512 MiB; add memory",
    "lb4 (10.0.0.4): has 511 MiB free below /var, and a balancer needs 512 MiB; free some space there",
    "lb5 (10.0.0.5): has 199 MiB of memory, and a balancer needs 200 MiB; add memory",
  ]);
});

test("a broker that is set up is not checked for disk and memory", () => {
  assert.deepEqual(faultsAfter({ mq1: { without: ["disk=", "memory="], add: ["disk=9", "memory=9"] } }), []);
});

test("the configured address on no interface", () => {
  const changes = {
    mq1: { without: "inet=eth0", add: ["inet=eth0 172.16.0.7/20"] },
    mq2: { without: "inet=eth0" },
  };
  const rest =
    "set an address of the machine itself: the other machines cannot use one that is translated on the way (NAT)";
  assert.deepEqual(faultsAfter(changes), [
    `mq1 (10.0.0.1): has its configured address on none of its interfaces (it has 172.16.0.7 on eth0); ${rest}`,
    `mq2 (10.0.0.2): has its configured address on none of its interfaces (it has none); ${rest}`,
  ]);
});

test("one warning names all machines without a time service", () => {
  assert.equal(clockWarning(looks()), undefined);
  const drifting = looks({ mq1: { without: "synchronized=" }, lb5: { without: "synchronized=" } });
  assert.equal(
    clockWarning(drifting),
    "mq1 (10.0.0.1) and lb5 (10.0.0.5): no time service synchronizes the clock, so it will drift away from the others'. " +
      "Set one up: systemd-timesyncd (Debian, Ubuntu) or chrony (CentOS, Rocky, AlmaLinux).",
  );
});

test("foreign processes on a broker's ports", () => {
  const added = [
    ...["listener=5672 127.0.0.1 qpidd", "listener=15692 0.0.0.0 nginx,nginx", "listener=15692 [::] nginx"],
    ...["listener=25672 0.0.0.0", "listener=4369 * portly", "listener=8100 * java"],
  ];
  assert.deepEqual(faultsAfter({ mq1: { add: added } }), [
    "mq1 (10.0.0.1): port 5672 is taken by qpidd on 127.0.0.1; stop and disable it, or set another rabbitmq.ports.amqp",
    "mq1 (10.0.0.1): port 15692 is taken by nginx on 0.0.0.0 and nginx on [::]; stop and disable it, or set another rabbitmq.ports.prometheus",
    "mq1 (10.0.0.1): port 4369 is taken by portly on *; stop and disable it",
    "mq1 (10.0.0.1): port 25672 is taken by an unnamed process on 0.0.0.0; stop and disable it",
  ]);
});

test("foreign processes on a balancer's ports; the statistics port is bound to the machine's address only", () => {
  const added = ["listener=15672 [::] beam.smp", "listener=15692 * nginx", "listener=8100 127.0.0.1 java"];
  assert.deepEqual(faultsAfter({ lb4: { add: added }, lb5: { add: ["listener=8100 * java"] } }), [
    "lb4 (10.0.0.4): port 15672 is taken by beam.smp on [::]; stop and disable it, or set another rabbitmq.ports.management",
    "lb5 (10.0.0.5): port 8100 is taken by java on *; stop and disable it, or set another haproxy.statsPort",
  ]);
});

test("the data of another node, and none of this one", () => {
  assert.deepEqual(faultsAfter({ mq1: { add: ["data=rabbit@old"] } }), []);
  assert.deepEqual(faultsAfter({ mq1: { without: "data=", add: ["data=rabbit@old"] } }), [
    "mq1 (10.0.0.1): /var/lib/rabbitmq/mnesia holds the data of rabbit@old and none of rabbit@mq1; to keep the data, name the broker old; else move it away",
  ]);
  assert.deepEqual(faultsAfter({ mq1: { without: ["data=", "known="], add: ["data=rabbit@old"] } }), [
    "mq1 (10.0.0.1): /var/lib/rabbitmq/mnesia holds the data of rabbit@old and none of rabbit@mq1; give another machine, or move it away",
  ]);
});

test("names that resolve to other addresses, each once", () => {
  const changes = {
    mq1: { add: ["name=mq1 127.0.1.1", "name=mq2 10.9.9.9", "name=lb4 10.0.0.4"] },
    mq3: { add: ["name=mq2 10.9.9.9", "name=mq1 10.0.0.1", "name=mq1 10.8.0.1"] },
    lb5: { add: ["name=mq2 10.9.9.8"] },
  };
  const rest = "correct /etc/hosts or the DNS there, or the configured address";
  assert.deepEqual(faultsAfter(changes), [
    `mq2 (10.0.0.2): its name resolves to 10.9.9.9 on mq1 and mq3; ${rest}`,
    `mq2 (10.0.0.2): its name resolves to 10.9.9.8 on lb5; ${rest}`,
  ]);
});

test("a virtual address outside the interface's network", () => {
  assert.deepEqual(faultsAfter({ lb5: { without: "inet=eth0", add: ["inet=eth0 10.0.0.5/26"] } }), [
    "lb5 (10.0.0.5): the virtual address 10.0.0.100 is not in 10.0.0.0/26, the network of eth0; set a free address of that network, or another keepalived.interface",
  ]);
});

test("a configured interface is checked instead of the one with the machine's address", () => {
  const on = (cidr: string): Change => ({ without: "device=", add: ["device=eth1", `inet=eth1 ${cidr}`] });
  const given = { virtualAddress: "10.7.0.100", interface: "eth1" };
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4/24"), lb5: on("10.7.0.5/24") }, given), []);
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4/24"), lb5: { without: "device=" } }, given), [
    "lb5 (10.0.0.5): has no interface eth1; set keepalived.interface to one that it has",
  ]);
  const empty = { without: "device=", add: ["device=eth1"] };
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4/24"), lb5: empty }, given), [
    "lb5 (10.0.0.5): has no IPv4 address of its own on eth1, from which Keepalived could speak to the other balancers; " +
      "give it one in the network of the virtual address 10.7.0.100, or set another keepalived.interface",
  ]);
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4/24"), lb5: on("10.8.0.5/24") }, given), [
    "lb5 (10.0.0.5): the virtual address 10.7.0.100 is not in 10.8.0.0/24, the network of eth1; set a free address of that network, or another keepalived.interface",
  ]);
});

test("balancers whose addresses on the interface are not in one network, or the same", () => {
  const on = (cidr: string): Change => ({ without: "device=", add: ["device=eth1", `inet=eth1 ${cidr}`] });
  const given = { virtualAddress: "10.7.0.100", interface: "eth1" };
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4/24"), lb5: on("10.7.0.70/26") }, given), [
    "lb4 and lb5: their addresses on eth1, 10.7.0.4/24 and 10.7.0.70/26, are not in one network; give both the same prefix, or set another keepalived.interface",
  ]);
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4/24"), lb5: on("10.7.0.4/24") }, given), [
    "lb4 and lb5: both have the address 10.7.0.4 on eth1; give each its own",
  ]);
});

test("an address with the prefix 32 is in the network of the configured prefix", () => {
  const single = (address: string): Change => ({ without: "inet=eth0", add: [`inet=eth0 ${address}/32`] });
  const changes = { lb4: single("10.0.0.4"), lb5: single("10.0.0.5") };
  const words = (name: string, number: number): string =>
    `${name} (10.0.0.${number}): its address on eth0, 10.0.0.${number}/32, does not say which network the virtual address 10.0.0.100 has to be in; ` +
    "set keepalived.prefixLength to the prefix of the network that the balancers share, such as 24, or to 32 if there is none";
  assert.deepEqual(faultsAfter(changes), [words("lb4", 4), words("lb5", 5)]);
  for (const prefixLength of [24, 32]) assert.deepEqual(faultsAfter(changes, { prefixLength }), []);
  const rest = "the network of eth0; set a free address of that network, or another keepalived.interface";
  assert.deepEqual(faultsAfter(changes, { prefixLength: 26 }), [
    `lb4 (10.0.0.4): the virtual address 10.0.0.100 is not in 10.0.0.0/26, ${rest}`,
    `lb5 (10.0.0.5): the virtual address 10.0.0.100 is not in 10.0.0.0/26, ${rest}`,
  ]);
  const narrow = { lb5: { without: "inet=eth0", add: ["inet=eth0 10.0.0.5/26"] } };
  assert.deepEqual(faultsAfter(narrow, { prefixLength: 24 }), [
    `lb5 (10.0.0.5): the virtual address 10.0.0.100 is not in 10.0.0.0/26, ${rest}`,
  ]);
});

test("the address at which a balancer speaks VRRP is in the virtual address's network, and never the virtual one", () => {
  const given = { virtualAddress: "10.7.0.100", interface: "eth1" };
  const add = ["device=eth1", "inet=eth1 10.9.0.4/24", "inet=eth1 10.7.0.100/24", "inet=eth1 10.7.0.4/25"];
  const [, , , look] = looks({ lb4: { without: "device=", add } });
  assert.ok(look !== undefined && hasFacts(look.outcome));
  const probed = { machine: look.machine, facts: look.outcome };
  assert.deepEqual(vrrpAddress(probed, given), { device: "eth1", address: "10.7.0.4", prefixLength: 25 });
  const own = { without: "inet=eth0", add: ["inet=eth0 10.0.0.9/24", "inet=eth0 10.0.0.4/24"] };
  const [, , , first] = looks({ lb4: own });
  assert.ok(first !== undefined && hasFacts(first.outcome));
  assert.equal(vrrpAddress({ machine: first.machine, facts: first.outcome }, plan)?.address, "10.0.0.4");
});

test("the other balancer's advertisements from the interface are no other router's", () => {
  const given = { virtualAddress: "10.7.0.100", interface: "eth1" };
  const on = (address: string, router: string): Change => ({
    without: ["device=", "vrrp="],
    add: ["device=eth1", `inet=eth1 ${address}/24`, `vrrp=${router}`, "vrrp=done"],
  });
  const lb5 = on("10.7.0.5", "10.7.0.4");
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4", "10.7.0.5"), lb5 }, given), []);
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4", "10.7.0.77"), lb5 }, given), [
    "lb4 (10.0.0.4): the virtual router id 51 is used by 10.7.0.77 on the same network; set another keepalived.virtualRouterId",
  ]);
  // Without lb4's own addresses it is unknown whose advertisements lb5 hears.
  assert.equal(faultsAfter({ lb4: new SshError("slow", "slow"), lb5 }, given).length, 1);
});

test("a virtual address that a machine outside the stack, or a broker, has", () => {
  const foreign = { without: "neighbour=", add: ["neighbour=02:00:00:00:00:ff"] };
  assert.deepEqual(faultsAfter({ lb5: foreign }), [
    "lb5 (10.0.0.5): the virtual address 10.0.0.100 is taken: 02:00:00:00:00:ff, none of the stack's machines, answers for it; set a free one",
  ]);
  assert.deepEqual(faultsAfter({ mq1: { add: ["inet=eth0 10.0.0.100/32"] } }), [
    "mq1 (10.0.0.1): is a broker and has the virtual address 10.0.0.100 on eth0; remove it (ip addr del 10.0.0.100/32 dev eth0) or set another",
  ]);
});

test("a virtual address on another interface that another stack's balancer has", () => {
  const on = (address: string): Change => ({
    without: ["device=", "neighbour="],
    add: ["device=eth1", `inet=eth1 ${address}/24`, "neighbour=02:00:00:00:00:ff"],
  });
  const given = { virtualAddress: "10.7.0.100", interface: "eth1" };
  const rest =
    "the virtual address 10.7.0.100 is taken: 02:00:00:00:00:ff, none of the stack's machines, answers for it; set a free one";
  assert.deepEqual(faultsAfter({ lb4: on("10.7.0.4"), lb5: on("10.7.0.5") }, given), [
    `lb4 (10.0.0.4): ${rest}`,
    `lb5 (10.0.0.5): ${rest}`,
  ]);
});

test("the holder of the virtual address is not checked for other holders", () => {
  assert.deepEqual(faultsAfter({ lb4: { add: ["neighbour=02:00:00:00:00:ff"] } }), []);
});

test("the holder of the address is not checked while a machine has not reported its MAC address", () => {
  const foreign = { without: "neighbour=", add: ["neighbour=02:00:00:00:00:ff"] };
  const silent = new SshError("timeout", "10.0.0.4:22 does not answer by SSH within 9 s");
  assert.deepEqual(faultsAfter({ lb4: silent, lb5: foreign }), [
    "lb4 (10.0.0.4): 10.0.0.4:22 does not answer by SSH within 9 s; start it, let the firewall pass port 22, or correct the address",
  ]);
});

test("a virtual router id that another router uses is reported once for all machines that see it", () => {
  assert.deepEqual(faultsAfter({ lb4: { add: ["vrrp=10.0.0.77"] }, lb5: { add: ["vrrp=10.0.0.77"] } }), [
    "lb4 (10.0.0.4) and lb5 (10.0.0.5): the virtual router id 51 is used by 10.0.0.77 on the same network; set another keepalived.virtualRouterId",
  ]);
});

test("a user whom sudo does not let become root", () => {
  assert.deepEqual(faultsAfter({ mq1: parseProbeOutput("sudo=sudo: a password is required\n", NaN) }), [
    "mq1 (10.0.0.1): the user ops is not root and cannot become root by sudo without a password (sudo: a password is required); allow it (ops ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d, and Defaults:ops !requiretty), or set existing.user",
  ]);
});

test("a slow machine, one whose probe fails, and one with host keys of other types only", () => {
  const changes = {
    mq1: new SshError("slow", "10.0.0.1 is not done after 9 s"),
    mq2: new SshError("command", "the command ended with 127: no bash", { code: 127 }),
    mq3: new SshError("host-key", "no such kind", { pinned: login.hostKey }),
    lb4: new SshError("host-key", "no kind at all"),
  };
  assert.deepEqual(faultsAfter(changes), [
    "mq1 (10.0.0.1): 10.0.0.1 is not done after 9 s; find out what makes it slow, such as load, a dead mount or a name server that does not answer",
    "mq2 (10.0.0.2): could not be probed: the command ended with 127: no bash; the user ops must be able to run bash there",
    "mq3 (10.0.0.3): has no host key of the pinned one's kind, ssh-ed25519 (SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw); if the new key is right, pin it in existing.hostKeys: ssh-keyscan -t ed25519,ecdsa 10.0.0.3",
    "lb4 (10.0.0.4): has neither an ed25519 nor an ecdsa host key; make one there: ssh-keygen -A, and restart its sshd",
  ]);
});

test("the message counts the faults and names the stack", () => {
  assert.equal(
    formatFaults(["a: b; c"], "prod"),
    'The machines of stack "prod" have 1 fault; nothing was changed.\n\n  a: b; c\n',
  );
  assert.equal(
    formatFaults(["a", "b"], "prod"),
    'The machines of stack "prod" have 2 faults; nothing was changed.\n\n  a\n  b\n',
  );
});

test("balancers without Python are listed; an unchecked fault is not reported", () => {
  const unchecked = looks({ lb5: { without: "vrrp=" } });
  assert.deepEqual(findFaults(unchecked, plan), []);
  assert.equal(routerCheckNotice(looks(), plan), undefined);
  assert.equal(
    routerCheckNotice(unchecked, plan),
    "lb5 (10.0.0.5): whether another router on the network uses the virtual router id 51 could not be checked: there is no Python to listen with.",
  );
});

function owner(host: string, stack = "prod", stackId = "prod-a1"): { readonly add: readonly string[] } {
  return { add: [`owner=${JSON.stringify({ stackId, stack, host, role: "broker", identity: "id" })}`] };
}

test("a machine with the stack's own mark is accepted, also under a new name", () => {
  assert.deepEqual(faultsAfter({ mq1: owner("mq1"), lb4: owner("lb3") }), []);
});

test("a machine of another stack is reported, with the one way to take it over", () => {
  const take = "take it over: npm run up -- --take-over mq2 --stack prod";
  assert.deepEqual(faultsAfter({ mq2: owner("web1", "other", "other-b2") }), [
    `mq2 (10.0.0.2): belongs to stack "other" as web1; give another machine, or ${take}`,
  ]);
  assert.deepEqual(faultsAfter({ mq2: owner("mq2", "prod", "prod-b2") }), [
    `mq2 (10.0.0.2): belongs to stack "prod" as mq2, and the state of this stack "prod" does not know it: it is a stack ` +
      `of another checkout or backend, its state is lost, or it was destroyed while the machine did not answer; use or ` +
      `restore that state; if there is none, ${take}`,
  ]);
  for (const given of [{}, { takeOver: ["mq2"] }]) {
    assert.deepEqual(faultsAfter({ mq2: { add: ["owner={"] } }, given), [
      "mq2 (10.0.0.2): its mark, /var/lib/rabbitmq-ha/owner, does not name its stack; see which stack lists the machine, " +
        "and remove the file if none does",
    ]);
  }
  assert.deepEqual(faultsAfter({ mq2: owner("web1", "other", "other-b2") }, { takeOver: ["mq2"] }), []);
});

test("a copy of another machine of the stack is reported", () => {
  assert.deepEqual(faultsAfter({ mq2: owner("mq1") }), [
    "mq2 (10.0.0.2): has the mark of mq1, another machine of this stack, so it is a copy of it; give a machine of its " +
      "own, or take it over: npm run up -- --take-over mq2 --stack prod",
  ]);
});

test("machines without a machine-id, or with the same one, are reported", () => {
  const same = { without: "machine-id=", add: ["machine-id=abc"] };
  assert.deepEqual(faultsAfter({ mq1: same, mq2: same, lb4: { without: "machine-id=" } }), [
    "lb4 (10.0.0.4): has no machine-id; make one: systemd-machine-id-setup, and reboot it",
    "mq1 (10.0.0.1) and mq2 (10.0.0.2): have the same machine-id, as copies of one image do; give each its own: " +
      "rm -f /etc/machine-id /var/lib/dbus/machine-id && systemd-machine-id-setup, and reboot",
  ]);
});

test("a login shell that is not a POSIX shell, or a restricted one", () => {
  const shell = (path: string): Change => ({ without: "shell=", add: [`shell=${path}`] });
  const rest =
    "and sshd runs every step with it, which needs a POSIX shell; change it (usermod -s /bin/bash ops), or set another existing.user";
  assert.deepEqual(
    faultsAfter({ mq1: shell("/usr/bin/fish"), mq2: shell("/bin/tcsh"), mq3: shell("/bin/rbash") }),
    [
      `mq1 (10.0.0.1): the login shell of the user ops is /usr/bin/fish, ${rest}`,
      `mq2 (10.0.0.2): the login shell of the user ops is /bin/tcsh, ${rest}`,
      `mq3 (10.0.0.3): the login shell of the user ops is /bin/rbash, ${rest}`,
    ],
  );
  for (const path of ["/bin/sh", "/usr/bin/zsh", "/bin/dash", "/usr/bin/ksh93", ""]) {
    assert.deepEqual(faultsAfter({ mq1: shell(path) }), [], path);
  }
  assert.deepEqual(faultsAfter({ mq1: { without: "shell=" } }), []);
});

test("masked services", () => {
  assert.deepEqual(
    faultsAfter({ mq1: { add: ["masked=rabbitmq-server"] }, lb4: { add: ["masked=keepalived"] } }),
    [
      "mq1 (10.0.0.1): rabbitmq-server is masked, so nobody can start it; allow it: systemctl unmask rabbitmq-server",
      "lb4 (10.0.0.4): keepalived is masked, so nobody can start it; allow it: systemctl unmask keepalived",
    ],
  );
});

test("a broker with data of its own under the right name that no stack has set up", () => {
  const rest =
    "which no stack has set up and no cluster can take in; give another machine, or put its data away: " +
    "systemctl disable --now rabbitmq-server; mv /var/lib/rabbitmq/mnesia /var/lib/rabbitmq/mnesia.before";
  const changes = { mq1: { without: "known=" }, mq2: { without: ["known=", "broker="] } };
  assert.deepEqual(faultsAfter(changes), [
    `mq1 (10.0.0.1): runs a RabbitMQ of its own, rabbit@mq1, ${rest}`,
    `mq2 (10.0.0.2): has the data of a RabbitMQ of its own, rabbit@mq2, ${rest}`,
  ]);
  assert.deepEqual(faultsAfter({ mq1: { without: ["known=", "data="] } }), []);
});

test("files that cannot be replaced; /etc/hostname only where the name has to be set", () => {
  assert.deepEqual(
    faultsAfter({
      mq1: { add: ["fixed=/etc/hosts mount", "fixed=/etc/hostname mount"] },
      mq2: { without: "hostname=", add: ["hostname=mq20.example.org", "fixed=/etc/hostname read-only"] },
      mq3: { without: "hostname=", add: ["hostname=mq3.example.org", "fixed=/etc/hostname read-only"] },
    }),
    [
      "mq1 (10.0.0.1): /etc/hosts is a mount of its own, so it cannot be replaced; unmount it (umount /etc/hosts), " +
        "or have whatever starts the machine not mount it",
      "mq2 (10.0.0.2): /etc/hostname cannot be written; make it writable (chattr -i /etc/hostname, " +
        "or mount -o remount,rw the file system of /etc)",
    ],
  );
});

test("cloud-init that writes /etc/hosts at each boot", () => {
  const line = (text: string): Change => ({ add: [`hosts-manager=${text}`] });
  assert.deepEqual(
    faultsAfter({
      mq1: line("/etc/cloud/cloud.cfg true"),
      mq2: line('/var/lib/cloud/instance/cloud-config.txt "localhost"'),
      mq3: line("/etc/cloud/cloud.cfg.d/90.cfg False"),
    }),
    [
      "mq1 (10.0.0.1): cloud-init writes /etc/hosts at each boot (manage_etc_hosts: true in /etc/cloud/cloud.cfg), so the " +
        "stack's names would be lost; set it to false there",
      "mq2 (10.0.0.2): cloud-init writes /etc/hosts at each boot (manage_etc_hosts: localhost in " +
        "/var/lib/cloud/instance/cloud-config.txt), so the stack's names would be lost; change the machine's user data, or " +
        "switch cloud-init off (touch /etc/cloud/cloud-init.disabled)",
    ],
  );
});

test("a firewall that counts connections to sshd", () => {
  const limit = (text: string): Change => ({ add: [`limited=${text}`] });
  const rest = "and up connects once for each step; exempt the address that this computer comes from:";
  assert.deepEqual(
    faultsAfter({ mq1: limit("ufw-user-input 6 30"), mq2: limit("INPUT 4 60"), mq3: limit("INPUT 200 60") }),
    [
      `mq1 (10.0.0.1): its firewall (ufw-user-input) refuses who connects to port 22 6 times in 30 s, ${rest} ` +
        "ufw insert 1 allow from ADDRESS to any port 22 proto tcp",
      `mq2 (10.0.0.2): its firewall (INPUT) refuses who connects to port 22 4 times in 60 s, ${rest} ` +
        "iptables -I INPUT -p tcp --dport 22 -s ADDRESS -j ACCEPT",
    ],
  );
  assert.deepEqual(
    faultsAfter({ mq1: limit("nftables:inet:filter:input 9 60"), mq2: limit("nftables:ip:f:i 606 60") }),
    [
      `mq1 (10.0.0.1): its firewall (nftables inet filter input) refuses who connects to port 22 9 times in 60 s, ${rest} ` +
        "nft insert rule inet filter input ip saddr ADDRESS tcp dport 22 accept",
    ],
  );
});
