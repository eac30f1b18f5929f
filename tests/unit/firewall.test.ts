/** What a host's firewall is told to let in, and that all of it can be taken back. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Host } from "../../platforms/host.ts";
import { openings, type FirewallArgs } from "../../remote/firewall.ts";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

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

const root = await scratch();
let number = 0;

/** Firewalls that keep what they are told in files; each but the one that runs here is not installed. */
const commands: Readonly<Record<"firewalld" | "ufw" | "nftables" | "none", string>> = {
  none: "",
  firewalld: `
firewall-cmd() {
  local state=$folder/runtime zone='' rule='' action='' word
  for word in "$@"; do case $word in
    --permanent) state=$folder/permanent ;;
    --zone=*) zone=\${word#*=} ;;
    --state) return 0 ;;
    --get-zone-of-interface=*) return 2 ;;
    --get-default-zone) echo public; return ;;
    --*-rich-rule=*) action=\${word%%-rich*}; rule=\${word#*=} ;;
  esac; done
  case $action in
  --query) grep -qxF "$zone $rule" "$state" ;;
  --add) echo "$zone $rule" >>"$state" ;;
  --remove) { grep -vxF "$zone $rule" "$state" || true; } >"$state.new"; mv "$state.new" "$state" ;;
  esac
}`,
  ufw: `
ufw() {
  case $1 in
  status) echo "Status: active" ;;
  show) sed 's/^/ufw /' "$folder/permanent" ;;
  allow) echo "$*" | sed "s/comment .*/comment 'rabbitmq-ha'/" >>"$folder/permanent" ;;
  delete) shift; { grep -vE "^$*( |$)" "$folder/permanent" || true; } >"$folder/new"; mv "$folder/new" "$folder/permanent" ;;
  esac
}`,
  // Rules are one a line; a new one is put first, as \`insert\` does.
  nftables: `
systemctl() { :; }
nft() {
  case "$*" in
  *'list ruleset') printf 'table inet filter {\\n\\tchain input {\\n\\t\\ttype filter hook input priority 0; policy drop;\\n'; cat "$folder/permanent"; printf '\\t}\\n}\\n' ;;
  -f*) sed 's/insert rule inet filter input \\(.*\\)/\\1 # handle 7/; /^delete/d' >"$folder/new"; mv "$folder/new" "$folder/permanent" ;;
  esac
}`,
};

interface Machine {
  open(rules: readonly string[]): Promise<Outcome>;
  undo(): Promise<Outcome>;
  /** What is open for good. */
  read(file?: string): Promise<string[]>;
}

async function given(firewall: keyof typeof commands, before: readonly string[] = []): Promise<Machine> {
  number += 1;
  const folder = join(root, String(number));
  await mkdir(join(folder, "etc"), { recursive: true });
  const content = before.map((line) => `${line}\n`).join("");
  for (const file of ["permanent", "runtime"]) await writeFile(join(folder, file), content);
  // No firewall of this machine's own is asked.
  const known = `folder=${folder}\ncommand() { [ "$1" = -v ] && declare -F "$2"; }\n${commands[firewall]}\n`;
  const run = (script: string): Promise<Outcome> =>
    bash(
      known + script.replaceAll("/var/lib/rabbitmq-ha", `${folder}/ha`).replaceAll("/etc/", `${folder}/etc/`),
    );
  return {
    open: (rules) => run(render("remote/firewall.sh", { interface: "eth0", rules })),
    undo: () => run(render("remote/firewall-undo", {})),
    read: async (file = "permanent") =>
      (await readFile(join(folder, file), "utf8")).split("\n").filter((line) => line !== ""),
  };
}

const rules = ["tcp 5672 10.0.0.8", "tcp 15672 any", "tcp 35672-35682 10.0.0.2", "vrrp - 10.0.0.9"];
const well = { code: 0, stdout: "", stderr: "" };

const spoken: Readonly<Record<"firewalld" | "ufw", readonly string[]>> = {
  firewalld: [
    'public rule family="ipv4" source address="10.0.0.8" port port="5672" protocol="tcp" accept',
    'public rule family="ipv4" port port="15672" protocol="tcp" accept',
    'public rule family="ipv4" source address="10.0.0.2" port port="35672-35682" protocol="tcp" accept',
    'public rule family="ipv4" source address="10.0.0.9" protocol value="vrrp" accept',
  ],
  ufw: [
    "allow from 10.0.0.8 to any port 5672 proto tcp comment 'rabbitmq-ha'",
    "allow 15672/tcp comment 'rabbitmq-ha'",
    "allow from 10.0.0.2 to any port 35672:35682 proto tcp comment 'rabbitmq-ha'",
    "allow from 10.0.0.9 proto vrrp comment 'rabbitmq-ha'",
  ],
};

for (const firewall of ["firewalld", "ufw"] as const) {
  test(`${firewall}: exactly this is opened, once, and closed again`, async () => {
    const machine = await given(firewall);
    assert.deepEqual(await machine.open(rules), well);
    assert.deepEqual(await machine.read(), spoken[firewall]);
    if (firewall === "firewalld") assert.deepEqual(await machine.read("runtime"), spoken[firewall]);
    assert.deepEqual(await machine.open(rules), well);
    assert.deepEqual(await machine.read(), spoken[firewall]);
    assert.deepEqual(await machine.open(rules.slice(1)), well);
    assert.deepEqual(await machine.read(), spoken[firewall].slice(1));
    assert.deepEqual(await machine.undo(), well);
    assert.deepEqual(await machine.read(), []);
  });

  test(`${firewall}: what somebody else has opened is left open`, async () => {
    const theirs = (spoken[firewall][1] ?? "").replace(" comment 'rabbitmq-ha'", "");
    const machine = await given(firewall, [theirs]);
    await machine.open(rules);
    assert.equal((await machine.read()).length, rules.length);
    await machine.undo();
    assert.deepEqual(await machine.read(), [theirs]);
  });
}

test("nftables: the rules come first in the chain that refuses, and are loaded at each start", async () => {
  const machine = await given("nftables");
  assert.deepEqual(await machine.open(rules), well);
  const inForce = [
    'ip saddr 10.0.0.8 tcp dport 5672 accept comment "rabbitmq-ha" # handle 7',
    'tcp dport 15672 accept comment "rabbitmq-ha" # handle 7',
    'ip saddr 10.0.0.2 tcp dport 35672-35682 accept comment "rabbitmq-ha" # handle 7',
    'ip saddr 10.0.0.9 ip protocol 112 accept comment "rabbitmq-ha" # handle 7',
  ];
  assert.deepEqual(await machine.read(), inForce);
  assert.deepEqual(
    await machine.read("etc/nftables-rabbitmq-ha.nft"),
    inForce.map((line) => `insert rule inet filter input ${line.replace(" # handle 7", "")}`),
  );
  const dropIn = "etc/systemd/system/nftables.service.d/rabbitmq-ha.conf";
  assert.match(
    (await machine.read(dropIn)).join("\n"),
    /^ExecStartPost=-.* -f .*nftables-rabbitmq-ha\.nft$/m,
  );
  assert.deepEqual(await machine.open(rules), well);
  assert.deepEqual(await machine.read(), inForce);
  assert.deepEqual(await machine.undo(), well);
  assert.deepEqual(await machine.read(), []);
  await assert.rejects(machine.read(dropIn));
});

test("where no firewall runs, nothing is done", async () => {
  const machine = await given("none");
  assert.deepEqual(await machine.open(rules), well);
  assert.deepEqual(await machine.undo(), well);
});
