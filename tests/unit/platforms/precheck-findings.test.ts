/** What is said of machines by what was seen on them: each fault by its exact words, and none where all is well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findings } from "../../../platforms/existing/findings.ts";
import { report, unheard, unpinned, unsynchronized } from "../../../platforms/existing/precheck.ts";
import {
  parse,
  type Look,
  type Machine,
  type Outcome,
  type Plan,
} from "../../../platforms/existing/probe.ts";
import { SshError } from "../../../remote/ssh.ts";

const login = { port: 22, user: "ops", privateKey: "", hostKey: "ssh-ed25519 AAAA" };

function machine(name: string, address: string, role: Machine["role"]): Machine {
  return { name, address, role, login: { ...login, host: address } };
}

const brokers = [1, 2, 3].map((number) => machine(`mq${number}`, `10.0.0.${number}`, "broker"));
const balancers = [4, 5].map((number) => machine(`lb${number}`, `10.0.0.${number}`, "balancer"));
const plan: Plan = {
  os: "debian-12",
  machines: [...brokers, ...balancers],
  virtualAddress: "10.0.0.100",
  virtualRouterId: 51,
  statsPort: 8100,
  ports: { amqp: 5672, management: 15672, prometheus: 15692 },
};

/** What the probe prints on a machine that the program has set up already. */
function lines({ name, address, role }: Machine): string[] {
  const common = [
    ...["clock=1000.5", "system=debian-12", "fits=yes", "systemd=252", `machine-id=${name}-id`],
    ...["inet=lo 127.0.0.1/8", `inet=eth0 ${address}/24`, `mac=02:00:00:00:00:0${address.slice(-1)}`],
    ...["memory=2000000", "disk=9000000", "synchronized=yes"],
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

/** Lines of a machine's probe to leave out, by how they begin, and to add; or what came in place of them all. */
type Change = { readonly without?: string | readonly string[]; readonly add?: readonly string[] } | Outcome;

function looks(changes: Readonly<Record<string, Change>> = {}, machines = plan.machines): Look[] {
  return machines.map((each) => {
    const change = changes[each.name] ?? {};
    if (change instanceof Error || "sudo" in change || "clock" in change)
      return { machine: each, outcome: change };
    const { without = [], add = [] } = change;
    const kept = lines(each).filter((line) => ![without].flat().some((start) => line.startsWith(start)));
    return { machine: each, outcome: parse([...kept, ...add].join("\n"), 1000) };
  });
}

function said(changes: Readonly<Record<string, Change>>, given: Partial<Plan> = {}): string[] {
  return findings(looks(changes), { ...plan, ...given });
}

test("nothing is wrong with machines that the program has set up", () => {
  assert.deepEqual(said({}), []);
});

test("another system than stated", () => {
  assert.deepEqual(said({ mq1: { without: "fits=" } }, { os: "rocky-9" }), [
    "mq1 (10.0.0.1): runs debian-12, and os is rocky-9; state the system that it runs, or give another machine",
  ]);
});

test("no systemd, and one that is too old", () => {
  const changes = { mq1: { without: "systemd=" }, mq2: { without: "systemd=", add: ["systemd=208"] } };
  assert.deepEqual(said(changes), [
    "mq1 (10.0.0.1): is not run by systemd; give a machine that is",
    "mq2 (10.0.0.2): has systemd 208; give a machine with 219 or newer",
  ]);
  assert.deepEqual(said({ mq1: { without: "systemd=", add: ["systemd=219"] } }), []);
});

test("a clock that is off by more than 5 s", () => {
  const clock = (seconds: number): Change => ({ without: "clock=", add: [`clock=${seconds}`] });
  assert.deepEqual(said({ mq1: clock(1042.8), lb4: clock(940.2), lb5: clock(1005.4) }), [
    "mq1 (10.0.0.1): its clock is 42 s ahead of the middle of all machines' clocks; set it, and keep it right by NTP (chrony or systemd-timesyncd)",
    "lb4 (10.0.0.4): its clock is 60 s behind the middle of all machines' clocks; set it, and keep it right by NTP (chrony or systemd-timesyncd)",
  ]);
});

test("too little disk and memory, each by the role", () => {
  const short = looks({
    mq1: { without: ["disk=", "data="], add: ["disk=2097151"] },
    mq2: { without: ["memory=", "data="], add: ["memory=524287"] },
    lb4: { without: "disk=", add: ["disk=524287"] },
    lb5: { without: "memory=", add: ["memory=204799"] },
  });
  assert.deepEqual(findings(short, plan), [
    "mq1 (10.0.0.1): has 2047 MiB free below /var, and a broker needs 2048 MiB; make room there",
    "mq2 (10.0.0.2): has 511 MiB of memory, and a broker needs 512 MiB; give it more",
    "lb4 (10.0.0.4): has 511 MiB free below /var, and a balancer needs 512 MiB; make room there",
    "lb5 (10.0.0.5): has 199 MiB of memory, and a balancer needs 200 MiB; give it more",
  ]);
});

test("a broker that is set up is not judged by its room", () => {
  assert.deepEqual(said({ mq1: { without: ["disk=", "memory="], add: ["disk=9", "memory=9"] } }), []);
});

test("the stated address on no interface", () => {
  const changes = {
    mq1: { without: "inet=eth0", add: ["inet=eth0 172.16.0.7/20"] },
    mq2: { without: "inet=eth0" },
  };
  const rest =
    "state one that it has itself: one that is translated on the way does not serve the other machines";
  assert.deepEqual(said(changes), [
    `mq1 (10.0.0.1): has the address on none of its interfaces (it has 172.16.0.7 on eth0); ${rest}`,
    `mq2 (10.0.0.2): has the address on none of its interfaces (it has none); ${rest}`,
  ]);
});

test("machines whose clocks nobody keeps are warned of together", () => {
  assert.equal(unsynchronized(looks()), undefined);
  const drifting = looks({ mq1: { without: "synchronized=" }, lb5: { without: "synchronized=" } });
  assert.equal(
    unsynchronized(drifting),
    "mq1 (10.0.0.1) and lb5 (10.0.0.5): no time service keeps the clock, so it will drift away from the others'. " +
      "Set one up: systemd-timesyncd (Debian, Ubuntu) or chrony (CentOS, Rocky, AlmaLinux).",
  );
});

test("strangers on a broker's ports", () => {
  const added = [
    ...["listener=5672 127.0.0.1 qpidd", "listener=15692 0.0.0.0 nginx,nginx", "listener=15692 [::] nginx"],
    ...["listener=25672 0.0.0.0", "listener=4369 * portly", "listener=8100 * java"],
  ];
  assert.deepEqual(said({ mq1: { add: added } }), [
    "mq1 (10.0.0.1): port 5672 is taken by qpidd on 127.0.0.1; stop and disable it, or set another rabbitmq.ports.amqp",
    "mq1 (10.0.0.1): port 15692 is taken by nginx on 0.0.0.0 and nginx on [::]; stop and disable it, or set another rabbitmq.ports.prometheus",
    "mq1 (10.0.0.1): port 4369 is taken by portly on *; stop and disable it",
    "mq1 (10.0.0.1): port 25672 is taken by a process without a name on 0.0.0.0; stop and disable it",
  ]);
});

test("strangers on a balancer's ports; the statistics' is bound to its own address only", () => {
  const added = ["listener=15672 [::] beam.smp", "listener=15692 * nginx", "listener=8100 127.0.0.1 java"];
  assert.deepEqual(said({ lb4: { add: added }, lb5: { add: ["listener=8100 * java"] } }), [
    "lb4 (10.0.0.4): port 15672 is taken by beam.smp on [::]; stop and disable it, or set another rabbitmq.ports.management",
    "lb5 (10.0.0.5): port 8100 is taken by java on *; stop and disable it, or set another haproxy.statsPort",
  ]);
});

test("the data of another node, and none of this one", () => {
  assert.deepEqual(said({ mq1: { add: ["data=rabbit@old"] } }), []);
  assert.deepEqual(said({ mq1: { without: "data=", add: ["data=rabbit@old"] } }), [
    "mq1 (10.0.0.1): /var/lib/rabbitmq/mnesia holds the data of rabbit@old and none of rabbit@mq1; name the broker old if the data is to be kept, else move it away",
  ]);
});

test("names that resolve to other addresses, each once", () => {
  const changes = {
    mq1: { add: ["name=mq1 127.0.1.1", "name=mq2 10.9.9.9", "name=lb4 10.0.0.4"] },
    mq3: { add: ["name=mq2 10.9.9.9", "name=mq1 10.0.0.1", "name=mq1 10.8.0.1"] },
    lb5: { add: ["name=mq2 10.9.9.8"] },
  };
  const rest = "correct /etc/hosts or the DNS there, or the address that is stated";
  assert.deepEqual(said(changes), [
    `mq2 (10.0.0.2): its name resolves to 10.9.9.9 on mq1 and mq3; ${rest}`,
    `mq2 (10.0.0.2): its name resolves to 10.9.9.8 on lb5; ${rest}`,
  ]);
});

test("a virtual address outside the interface's network", () => {
  assert.deepEqual(said({ lb5: { without: "inet=eth0", add: ["inet=eth0 10.0.0.5/26"] } }), [
    "lb5 (10.0.0.5): the virtual address 10.0.0.100 is not in 10.0.0.0/26, the network of eth0; state a free address of it, or another keepalived.interface",
  ]);
});

test("a stated interface counts in place of the address's own", () => {
  const on = (cidr: string): Change => ({ without: "device=", add: ["device=eth1", `inet=eth1 ${cidr}`] });
  const given = { virtualAddress: "10.7.0.100", interface: "eth1" };
  assert.deepEqual(said({ lb4: on("10.7.0.4/24"), lb5: on("10.7.0.5/24") }, given), []);
  assert.deepEqual(said({ lb4: on("10.7.0.4/24"), lb5: { without: "device=" } }, given), [
    "lb5 (10.0.0.5): has no interface eth1; state one that it has in keepalived.interface",
  ]);
});

test("a virtual address that a stranger, or a broker, has", () => {
  const stranger = { without: "neighbour=", add: ["neighbour=02:00:00:00:00:ff"] };
  assert.deepEqual(said({ lb5: stranger }), [
    "lb5 (10.0.0.5): the virtual address 10.0.0.100 is taken: 02:00:00:00:00:ff, none of the stack's machines, answers for it; state a free one",
  ]);
  assert.deepEqual(said({ mq1: { add: ["inet=eth0 10.0.0.100/32"] } }), [
    "mq1 (10.0.0.1): is a broker and has the virtual address 10.0.0.100 on eth0; take it off (ip addr del 10.0.0.100/32 dev eth0) or state another",
  ]);
});

test("who holds the virtual address hears itself, whoever had it before", () => {
  assert.deepEqual(said({ lb4: { add: ["neighbour=02:00:00:00:00:ff"] } }), []);
});

test("who has the address is not judged while a machine has not shown its own MAC", () => {
  const stranger = { without: "neighbour=", add: ["neighbour=02:00:00:00:00:ff"] };
  const silent = new SshError("timeout", "10.0.0.4:22 does not answer by SSH within 9 s");
  assert.deepEqual(said({ lb4: silent, lb5: stranger }), [
    "lb4 (10.0.0.4): 10.0.0.4:22 does not answer by SSH within 9 s; start it, let the firewall pass port 22, or correct the address",
  ]);
});

test("a virtual router id that another router uses, once for all who hear it", () => {
  assert.deepEqual(said({ lb4: { add: ["vrrp=10.0.0.77"] }, lb5: { add: ["vrrp=10.0.0.77"] } }), [
    "lb4 (10.0.0.4) and lb5 (10.0.0.5): the virtual router id 51 is used by 10.0.0.77 on the same network; set another keepalived.virtualRouterId",
  ]);
});

test("a user whom sudo does not let become root", () => {
  assert.deepEqual(said({ mq1: parse("sudo=sudo: a password is required\n", NaN) }), [
    "mq1 (10.0.0.1): the user ops is not root and cannot become root by sudo without a password (sudo: a password is required); allow it (ops ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d, and Defaults:ops !requiretty), or set existing.user",
  ]);
});

test("a machine that is slow, one whose probe fails, and one with host keys of other kinds only", () => {
  const changes = {
    mq1: new SshError("slow", "10.0.0.1 is not done after 9 s"),
    mq2: new SshError("command", "the command ended with 127: no bash", { code: 127 }),
    mq3: new SshError("host-key", "no such kind"),
  };
  assert.deepEqual(said(changes), [
    "mq1 (10.0.0.1): 10.0.0.1 is not done after 9 s; see what makes it slow: load, a dead mount, or a name server that is silent",
    "mq2 (10.0.0.2): could not be looked at: the command ended with 127: no bash; it has to run bash for the user ops",
    "mq3 (10.0.0.3): has no host key of the pinned one's kind, ssh-ed25519 (SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw); if that is right, pin it anew in existing.hostKeys: ssh-keyscan -t ed25519,ecdsa 10.0.0.3",
  ]);
});

test("the message counts the faults and names the stack", () => {
  assert.equal(
    report(["a: b; c"], "prod"),
    'The machines of stack "prod" have 1 fault; nothing was changed.\n\n  a: b; c\n',
  );
  assert.equal(
    report(["a", "b"], "prod"),
    'The machines of stack "prod" have 2 faults; nothing was changed.\n\n  a\n  b\n',
  );
});

test("hosts without a pinned key are named in one warning", () => {
  assert.equal(unpinned(plan.machines), undefined);
  const open = brokers.slice(0, 2).map((each) => ({
    ...each,
    login: { host: each.address, port: 2222, user: "ops", privateKey: "" },
  }));
  assert.equal(
    unpinned([...open, ...balancers]),
    "No host key is pinned of mq1 (10.0.0.1) and mq2 (10.0.0.2): whoever answers there is believed. Compare what " +
      "ssh-keyscan -t ed25519,ecdsa -p 2222 10.0.0.1 10.0.0.2 prints with the hosts' own keys, then set it as existing.hostKeys.",
  );
  const proxy = { host: "203.0.113.9", port: 22, user: "ops", privateKey: "" };
  assert.equal(
    unpinned(open.slice(0, 1).map((each) => ({ ...each, login: { ...each.login, proxy } }))),
    "No host key is pinned of the bastion (203.0.113.9) and mq1 (10.0.0.1): whoever answers there is believed. Compare what " +
      "ssh-keyscan -t ed25519,ecdsa 203.0.113.9 and ssh-keyscan -t ed25519,ecdsa -p 2222 10.0.0.1 (on the bastion) print " +
      "with the hosts' own keys, then set it as existing.hostKeys.",
  );
});

test("balancers without Python are named; a fault that was not looked for is none", () => {
  const deaf = looks({ lb5: { without: "vrrp=" } });
  assert.deepEqual(findings(deaf, plan), []);
  assert.equal(unheard(looks(), plan), undefined);
  assert.equal(
    unheard(deaf, plan),
    "lb5 (10.0.0.5): whether another router on the network uses the virtual router id 51 was not looked for: there is no Python to listen with.",
  );
});
