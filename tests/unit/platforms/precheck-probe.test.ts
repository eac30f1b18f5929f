/** The probe in a real bash, with stand-in commands that print what the real ones print. */
import assert from "node:assert/strict";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, beforeEach, test } from "node:test";
import { execa } from "execa";
import {
  parseProbeOutput,
  renderProbeScript,
  type HostFacts,
} from "../../../platforms/existing/precheck/probe.ts";
import type { ProbeTarget, IntendedSetup } from "../../../platforms/existing/precheck/probe-target.ts";
import { makeScratchFolder } from "../../support/bash.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

const folder = await makeScratchFolder();
const login = { host: "", port: 22, user: "root", privateKey: "" };
const machines: ProbeTarget[] = [
  { name: "mq1", address: "10.0.0.1", role: "broker", login },
  { name: "lb1", address: "10.0.0.4", role: "balancer", login },
];
const plan: IntendedSetup = {
  ...intendedSetup,
  os: "rocky-8",
  machines,
  interface: "lo",
};

/** Lines 1 and 2 have the form of CentOS 7 (before iproute 4), the others the current form. */
const ss = `State      Recv-Q Send-Q Local Address:Port    Peer Address:Port
LISTEN     0      128          *:5672          *:*      users:(("beam.smp",1234,62),("php fpm",7,3))
LISTEN     0      128         :::4369         :::*      users:(("epmd",1199,3))
LISTEN     0      4096   10.0.0.1:22      0.0.0.0:*      users:(("sshd",pid=1,fd=3))
LISTEN     0      4096       [::]:15692      [::]:*      users:(("beam.smp",pid=1234,fd=63))
LISTEN     0      4096   127.0.0.1%lo:8100 0.0.0.0:*
`;

const commands = {
  ss: `cat <<'END'\n${ss}END`,
  getent: `case $2 in root) echo root:x:0:0::/root:/usr/bin/fish ;; mq1) printf '10.9.9.9 %s\\n' 'STREAM mq1' DGRAM RAW ;; lb1) echo 10.0.0.7 STREAM ;; esac`,
  systemctl: `case $* in
--version) printf 'systemd 239 (239-82.el8)\\n+PAM\\n' ;;
"show -p LoadState keepalived.service") echo LoadState=masked ;;
show*) echo LoadState=not-found ;;
*rabbitmq-server*) exit 0 ;;
*) exit 3 ;;
esac`,
  "iptables-save": "cat $RULES",
  nft: "cat $RULESET",
  sshd: "printf '%s\\n' 'port 22' 'maxstartups 3:30:10' 'persourcemaxstartups none'",
  uname: "echo mq1.example.org",
  "cloud-init": "",
  ping: "exit 1",
  ip: `case $* in
*neigh*)
  if mkdir "$LOOK" 2>/dev/null; then state=$BEFORE; else state=$STATE; fi
  echo "10.0.0.100 lladdr 02:00:00:00:00:FF $state"
  ;;
*) printf '1: lo    inet 127.0.0.1/8 scope host lo\\n2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\n' ;;
esac`,
};

before(async () => {
  await mkdir(join(folder, "systemd"));
  for (const [name, body] of Object.entries(commands)) {
    await writeFile(join(folder, name), `#!/bin/bash\n${body}\n`);
    await chmod(join(folder, name), 0o755);
  }
  for (const data of ["rabbit@old", "rabbit@old-plugins-expand"]) {
    await mkdir(join(folder, "mnesia", data), { recursive: true });
  }
  await writeFile(join(folder, "mnesia", "rabbit@old.pid"), "1");
  await writeFile(join(folder, "os-release"), 'ID="almalinux"\nVERSION_ID="8.10"\n');
  await writeFile(join(folder, "machine-id"), "abc\n");
  await writeFile(
    join(folder, "hosts"),
    "10.0.0.7 mq1\n# rabbitmq-ha: begin\n10.0.0.4 lb1.example.org lb1\n# rabbitmq-ha: end\n",
  );
});

beforeEach(async () => {
  await rm(join(folder, "cloud"), { recursive: true, force: true });
  await rm(join(folder, "program"), { recursive: true, force: true });
  await writeFile(join(folder, "rules"), "");
  await writeFile(join(folder, "ruleset"), "");
  await writeFile(join(folder, "mountinfo"), "22 28 0:21 / /proc rw - proc proc rw\n");
});

let probeCount = 0;

/** What "ufw limit ssh" makes of its own rules. */
const limitRules = `*filter
:ufw-user-input - [0:0]
-A ufw-user-input -p tcp -m tcp --dport 2222 -m conntrack --ctstate NEW -m recent --update --seconds 9 --hitcount 9 --name DEFAULT --mask 255.255.255.255 --rsource -j ufw-user-limit
-A ufw-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource
-A ufw-user-input -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name DEFAULT --mask 255.255.255.255 --rsource -j ufw-user-limit
-A ufw-user-input -p tcp -m tcp --dport 22 -j ufw-user-limit-accept
COMMIT
`;
const exemption = "-A ufw-user-input -s 10.0.0.200/32 -p tcp -m tcp --dport 22 -j ACCEPT\n-A ufw";

/** The states are those of the kernel's ARP entry for the virtual address, before the probe and after it. */
async function probed(
  machine: ProbeTarget | undefined,
  [before, after] = ["STALE", "REACHABLE"],
): Promise<HostFacts> {
  assert.ok(machine !== undefined);
  const script = renderProbeScript(machine, plan)
    .replaceAll(/\/etc\/(?=hosts|os-release|machine-id)/g, `${folder}/`)
    .replaceAll("/var/lib/rabbitmq/mnesia", `${folder}/mnesia`)
    .replace("/usr/bin/python3", "python3")
    .replace("/run/systemd/system", `${folder}/systemd`)
    .replaceAll(/\/etc\/cloud\b|\/var\/lib\/cloud\b/g, `${folder}/cloud`)
    .replaceAll(/\/var\/lib\/rabbitmq-ha\b/g, `${folder}/program`)
    .replace("/proc/self/mountinfo", `${folder}/mountinfo`);
  probeCount += 1;
  const env = {
    LOOK: join(folder, `look-${probeCount}`),
    PATH: `${folder}:${process.env["PATH"] ?? ""}`,
    RULES: join(folder, "rules"),
    RULESET: join(folder, "ruleset"),
    BEFORE: before,
    STATE: after,
  };
  const { stdout } = await execa("bash", ["-s"], { input: script, env });
  assert.match(stdout, /^clock=\d+\.\d+\n/);
  const sight = parseProbeOutput(stdout, 0);
  assert.ok("machineId" in sight);
  return sight;
}

test("a broker", async () => {
  const sight = await probed(machines[0]);
  const {
    system,
    isConfiguredSystem,
    systemdVersion,
    machineId,
    dataNodes,
    addresses,
    listeners,
    resolvedNames,
  } = sight;
  assert.deepEqual(
    [system, isConfiguredSystem, systemdVersion, machineId],
    ["almalinux-8.10", true, 239, "abc"],
  );
  assert.deepEqual(addresses, [
    { device: "lo", address: "127.0.0.1", prefixLength: 8 },
    { device: "eth0", address: "10.0.0.1", prefixLength: 24 },
  ]);
  assert.deepEqual(listeners, [
    { port: 5672, address: "*", processes: ["beam.smp", "php fpm"] },
    { port: 4369, address: "::", processes: ["epmd"] },
    { port: 15692, address: "[::]", processes: ["beam.smp"] },
    { port: 8100, address: "127.0.0.1%lo", processes: [] },
  ]);
  assert.deepEqual(dataNodes, ["rabbit@old"]);
  assert.deepEqual(sight.sshdLimits, [{ setting: "MaxStartups", count: 3 }]);
  assert.match(sight.python.version ?? "", /^3\.\d+$/);
  assert.equal(sight.python.isOffered, false);
  // lb1's address 10.0.0.7 does not count: the program has an entry of its own for lb1, which it will write again.
  assert.deepEqual(resolvedNames, [{ name: "mq1", address: "10.9.9.9" }]);
  assert.ok(
    Math.abs(sight.clockSeconds - Date.now() / 1000) < 60 && sight.memoryKib > 0 && sight.freeDiskKib > 0,
  );
  assert.deepEqual(
    [sight.virtualAddressInterface, sight.virtualAddressMac, sight.couldListen],
    [undefined, undefined, false],
  );
});

test("a balancer; an ARP entry from before the probe does not count", async () => {
  const [now, once, lately] = await Promise.all([
    probed(machines[1]),
    probed(machines[1], ["STALE", "STALE"]),
    probed(machines[1], ["REACHABLE", "REACHABLE"]),
  ]);
  assert.deepEqual([now.virtualAddressInterface, now.virtualAddressMac], ["lo", "02:00:00:00:00:ff"]);
  assert.deepEqual([once.virtualAddressMac, lately.virtualAddressMac], [undefined, undefined]);
});

const unprivileged = process.getuid?.() === 0 ? false : "only root may listen to packets";
test("a router on the network is detected", { skip: unprivileged }, async () => {
  const advertisement = `
import socket, time
for _ in range(40):
  for router, source, target in (50, "127.0.0.8", "127.0.0.1"), (51, "127.0.0.9", "127.0.0.1"), (51, "127.0.0.10", "224.0.0.18"):
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    sender.bind((source, 0))
    sender.sendto(bytes([0x31, router, 9, 1, 0, 20, 0, 0]), (target, 0))
  time.sleep(0.05)
`;
  const [sight] = await Promise.all([probed(machines[1]), execa("python3", ["-c", advertisement])]);
  assert.deepEqual([sight.couldListen, sight.advertisingRouters], [true, ["127.0.0.10", "127.0.0.9"]]);
});

test("what a machine has of its former life", async () => {
  const { surroundings: plain } = await probed(machines[1]);
  assert.deepEqual(plain, {
    hostName: "mq1.example.org",
    loginShell: "/usr/bin/fish",
    maskedUnits: ["keepalived"],
    isKnown: false,
    doesBrokerRun: true,
    fixedFiles: [],
    hostsManager: undefined,
    connectionLimit: undefined,
  });
  await mkdir(join(folder, "program"));
  await writeFile(join(folder, "mountinfo"), `40 28 8:1 /x ${folder}/hosts rw - ext4 /dev/sda1 rw\n`);
  await writeFile(join(folder, "rules"), limitRules);
  const { surroundings: changed } = await probed(machines[0]);
  assert.deepEqual(changed.maskedUnits, []);
  assert.equal(changed.isKnown, true);
  assert.deepEqual(changed.fixedFiles, [{ path: `${folder}/hosts`, why: "mount" }]);
  assert.deepEqual(changed.connectionLimit, { chain: "ufw-user-input", count: 6, seconds: 30 });
  await writeFile(join(folder, "rules"), limitRules.replace("-A ufw", exemption));
  assert.equal((await probed(machines[0])).surroundings.connectionLimit, undefined);
});

/** As `nft list ruleset` prints it. */
function ruleset(rules: string, hook = "input", policy = "accept"): string {
  return `table inet filter {
	set seen {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		elements = { 10.0.0.9 limit rate over 1/minute expires 54s }
	}

	chain first {
		type filter hook ${hook} priority filter; policy ${policy};
		ct state established,related accept
${rules.replaceAll(/^ */gm, "\t\t")}
	}

	chain last {
		type filter hook output priority filter; policy accept;
		tcp dport 22 limit rate over 1/minute drop
	}
}
`;
}

test("limits of nftables' own rules are seen, as what they let through in a minute", async () => {
  const limitOf = async (...text: Parameters<typeof ruleset>): Promise<unknown> => {
    await writeFile(join(folder, "ruleset"), ruleset(...text));
    return (await probed(machines[0])).surroundings.connectionLimit;
  };
  const minute = (count: number) => ({ chain: "nftables inet filter first", count, seconds: 60 });
  const meter = "ct state new update @seen { ip saddr limit rate over 6/minute burst 4 packets }";
  const few = "tcp dport 22 ct state new limit rate 15/minute accept";
  assert.deepEqual(
    await limitOf(`tcp dport { 22, 2222 } ${meter} counter packets 0 bytes 0 drop`),
    minute(11),
  );
  assert.deepEqual(await limitOf("tcp dport ssh limit rate over 10/second reject"), minute(606));
  assert.deepEqual(
    await limitOf("tcp dport 20-30 meter m size 9 { ip saddr limit rate over 3/hour } drop"),
    minute(6),
  );
  assert.deepEqual(await limitOf(few, "input", "drop"), minute(21));
  assert.deepEqual(
    await limitOf(`${few}\n counter packets 1 bytes 2 reject with icmpx admin-prohibited`),
    minute(21),
  );
  assert.deepEqual(await limitOf(`${few}\n tcp dport 22 drop`), minute(21));
  const harmless = [
    few,
    `${few}\n tcp dport 22 accept\n drop`,
    `${few}\n ct state invalid drop`,
    `ip saddr 10.0.0.200 tcp dport 22 accept\n tcp dport 22 ${meter} drop`,
    `tcp dport { 2222, 80 } ${meter} drop`,
    `tcp dport 22 limit rate 5/minute log prefix "tcp dport 22 limit rate over 1/minute drop"`,
    "tcp dport 22 limit rate over 1 mbytes/second drop",
    "icmp type echo-request limit rate over 5/second drop",
  ];
  for (const rules of harmless) assert.equal(await limitOf(rules), undefined, rules);
  assert.equal(await limitOf(`tcp dport 22 ${meter} drop`, "forward"), undefined);
});

test("a machine's mark is read; one that is empty or cut off is damaged, and no absent one", async () => {
  const marked = async (text: string): Promise<unknown> => {
    await mkdir(join(folder, "program"), { recursive: true });
    await writeFile(join(folder, "program", "owner"), text);
    const facts = await probed(machines[0]);
    assert.equal(facts.surroundings.isKnown, true);
    return facts.owner;
  };
  assert.equal((await probed(machines[0])).owner, undefined);
  const mark = { stackId: "a1", stack: "prod", host: "mq1", role: "broker", identity: "id" };
  assert.deepEqual(await marked(`${JSON.stringify(mark)}\n`), mark);
  for (const text of ["", "\n", JSON.stringify(mark).slice(0, -9)]) {
    assert.equal(await marked(text), "unreadable", text);
  }
});

test("of cloud-init's files the last one that says who manages /etc/hosts counts", async () => {
  const managed = async (): Promise<unknown> => (await probed(machines[0])).surroundings.hostsManager;
  await mkdir(join(folder, "cloud", "cloud.cfg.d"), { recursive: true });
  assert.equal(await managed(), undefined);
  await writeFile(join(folder, "cloud", "cloud.cfg"), "users: []\nmanage_etc_hosts: true # by the image\n");
  assert.deepEqual(await managed(), { path: `${folder}/cloud/cloud.cfg`, value: "true" });
  await writeFile(join(folder, "cloud", "cloud.cfg.d", "99-own.cfg"), "manage_etc_hosts: false\n");
  assert.deepEqual(await managed(), { path: `${folder}/cloud/cloud.cfg.d/99-own.cfg`, value: "false" });
  await mkdir(join(folder, "cloud", "instance"));
  await writeFile(
    join(folder, "cloud", "instance", "cloud-config.txt"),
    "#cloud-config\nmanage_etc_hosts: 'localhost'\n",
  );
  assert.deepEqual(await managed(), {
    path: `${folder}/cloud/instance/cloud-config.txt`,
    value: "localhost",
  });
  await writeFile(join(folder, "cloud", "cloud-init.disabled"), "");
  assert.equal(await managed(), undefined);
});

test("where there is no python3, the package manager's lists are asked for it", async () => {
  const answer = async (name: string, body: string): Promise<void> => {
    await writeFile(join(folder, name), `#!/bin/bash\n${body}\n`);
    await chmod(join(folder, name), 0o755);
  };
  const python = async (): Promise<unknown> => (await probed(machines[0])).python;
  try {
    await answer("python3", "exit 127");
    await answer("dnf", `[ "$*" = "-q -C list available python3" ]`);
    assert.deepEqual(await python(), { version: undefined, isOffered: true });
    await answer("dnf", "exit 1");
    assert.deepEqual(await python(), { version: undefined, isOffered: false });
  } finally {
    for (const name of ["python3", "dnf"]) await rm(join(folder, name), { force: true });
  }
});
