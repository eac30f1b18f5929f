/** What the probe says of firewalls: in a real bash with stand-in commands, and its connections in a real kernel. */
import assert from "node:assert/strict";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, beforeEach, test } from "node:test";
import { execa, execaSync } from "execa";
import { renderProbeScript } from "../../../platforms/existing/precheck/probe.ts";
import type { IntendedSetup, ProbeTarget } from "../../../platforms/existing/precheck/probe-target.ts";
import { makeScratchFolder } from "../../support/bash.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

const folder = await makeScratchFolder();
const login = { host: "", port: 22, user: "root", privateKey: "" };
const broker: ProbeTarget = { name: "mq2", address: "10.0.0.2", role: "broker", login };
const plan: IntendedSetup = {
  ...intendedSetup,
  machines: [{ ...broker, name: "mq1", address: "10.0.0.1" }, broker],
};

/** @returns a script that calls one function of the probe */
function calling(name: string): string {
  const script = renderProbeScript(broker, plan);
  assert.ok(script.endsWith("\nmain </dev/null\n"));
  return `${script.slice(0, -"main </dev/null\n".length)}${name}\n`;
}

const commands = {
  // The active unit is in the file.
  systemctl: `[ "$3" = "$(cat "$HERE/active").service" ]`,
  ufw: `cat "$HERE/ufw"`,
  nft: `cat "$HERE/nft"`,
  "iptables-save": `cat "$HERE/rules"`,
};

before(async () => {
  for (const [name, body] of Object.entries(commands)) {
    await mkdir(join(folder, "bin"), { recursive: true });
    await writeFile(join(folder, "bin", name), `#!/bin/bash\nHERE=${folder}\n${body}\n`);
    await chmod(join(folder, "bin", name), 0o755);
  }
});

async function given(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

beforeEach(async () => {
  await rm(join(folder, "rules.v4"), { force: true });
  await given({ active: "none", ufw: "Status: inactive\n", nft: "", rules: "" });
});

async function ownFirewall(): Promise<string> {
  const input = calling("own_firewall").replace("/etc/iptables/rules.v4", join(folder, "rules.v4"));
  const env = { PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}` };
  const { stdout } = await execa("bash", ["-s"], { input, env });
  return stdout.replaceAll(/^clock=.*\n/gm, "");
}

const rules = (last: string, policy = "ACCEPT"): string =>
  `*filter\n:INPUT ${policy} [0:0]\n-A INPUT -s 192.0.2.1/32 -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n${last}\nCOMMIT\n`;
const end = "-A INPUT -j REJECT --reject-with icmp-host-prohibited";
const chain = (policy: string, rule = ""): string =>
  `table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy ${policy};\n\t\tip saddr 192.0.2.1 drop\n\t\t${rule}\n\t}\n}\n`;

test("firewalls that up opens are known by their services", async () => {
  await given({ active: "firewalld" });
  assert.equal(await ownFirewall(), "firewall=firewalld");
  await given({ active: "none", ufw: "Status: active\n" });
  assert.equal(await ownFirewall(), "firewall=ufw");
  await given({ active: "nftables", ufw: "", nft: chain("drop") });
  assert.equal(await ownFirewall(), "firewall=nftables");
  await given({ nft: chain("accept") });
  assert.equal(await ownFirewall(), "firewall=nftables");
  await given({ active: "netfilter-persistent", nft: "", rules: rules(end), "rules.v4": "" });
  assert.equal(await ownFirewall(), "firewall=iptables");
});

test("a host without a rule that refuses the rest has no firewall", async () => {
  assert.equal(await ownFirewall(), "firewall=none");
  const harmless = chain("accept").replace("ip saddr 192.0.2.1 drop", 'accept comment "no drop here"');
  await given({ active: "nftables", nft: harmless });
  assert.equal(await ownFirewall(), "firewall=none");
  await given({
    active: "netfilter-persistent",
    nft: chain("accept"),
    "rules.v4": "",
    rules: rules("-A INPUT -m state --state INVALID -j DROP"),
  });
  assert.equal(await ownFirewall(), "firewall=none");
});

test("rules that no service loads are shown", async () => {
  await given({ rules: rules(end) });
  assert.equal(await ownFirewall(), `firewall=unmanaged ${end}`);
  await given({ rules: rules('-A INPUT -p tcp -m comment --comment "the rest" -j DROP') });
  assert.match(await ownFirewall(), /^firewall=unmanaged -A INPUT .* -j DROP$/);
  await given({ rules: rules("-A INPUT -i eth0 -j DROP") });
  assert.equal(await ownFirewall(), "firewall=unmanaged -A INPUT -i eth0 -j DROP");
  await given({ rules: rules("", "DROP") });
  assert.equal(await ownFirewall(), "firewall=unmanaged policy DROP");
  await given({ rules: "", nft: chain("accept", "counter packets 1 bytes 2 reject") });
  assert.equal(await ownFirewall(), "firewall=unmanaged inet filter input: counter packets 1 bytes 2 reject");
  await given({ nft: chain("drop") });
  assert.equal(await ownFirewall(), "firewall=unmanaged inet filter input: policy drop");
});

const network = `
set -e
ip link set lo up
ip addr add 10.0.0.1/24 dev lo
iptables -A INPUT -p tcp --dport 4369 -j DROP
iptables -A INPUT -p tcp --dport 25672 -j REJECT --reject-with icmp-host-prohibited
set +e
`;
const withoutKernel =
  execaSync("unshare", ["-n", "bash", "-c", network], { reject: false }).exitCode === 0
    ? false
    : "needs root, unshare and iptables";

test(
  "what is dropped and what is rejected, and that nothing listens yet",
  { skip: withoutKernel },
  async () => {
    const { stdout } = await execa("unshare", ["-n", "bash", "-s"], {
      input: network + calling("connections"),
    });
    assert.deepEqual(stdout.split("\n").slice(1).sort(), [
      "blocked=10.0.0.1 25672 unreachable",
      "blocked=10.0.0.1 4369 dropped",
    ]);
  },
);
