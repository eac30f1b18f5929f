/** Keepalived on two real hosts calls what moves the address in an account, by the AWS CLI that Debian has. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { ensurePythonTools } from "../../toolchain/python.ts";
import { podman } from "../../testbed/labs/hosts.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { programCurrent } from "../../remote/program.ts";
import { render } from "../../templates/render.ts";
import { AwsServer, region } from "../support/aws-server.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "w", net: 68 }), {
  prepare,
  release: () => (aws as AwsServer | undefined)?.stop(),
});
const address = lab.virtualAddress;
const DestinationCidrBlock = `${address}/32`;
const [first = "", second = ""] = lab.balancers;
const script = "/usr/local/lib/rabbitmq-ha/move-address";
let aws: AwsServer;
let table: string;
/** By the balancer's name its network interface. */
const interfaces = new Map<string, string>();

async function prepare(): Promise<void> {
  const { bin } = await ensurePythonTools("aws");
  await lab.must("up");
  // The network's gateway is this computer.
  aws = await AwsServer.start(bin, "192.168.68.1");
  const VpcId = await aws.make("CreateVpc", "vpcId", { CidrBlock: "10.30.0.0/16" });
  const SubnetId = await aws.make("CreateSubnet", "subnetId", { VpcId, CidrBlock: "10.30.1.0/24" });
  for (const name of lab.balancers) {
    interfaces.set(name, await aws.make("CreateNetworkInterface", "networkInterfaceId", { SubnetId }));
  }
  table = await aws.make("CreateRouteTable", "routeTableId", { VpcId });
  const parameters = { RouteTableId: table, DestinationCidrBlock, NetworkInterfaceId: of(second) };
  await aws.ask("CreateRoute", parameters);
  await Promise.all(lab.balancers.map(equip));
}
beforeEach(async () => {
  aws.judge = () => "pass";
  await sentTo(first);
});

function of(name: string): string {
  return interfaces.get(name) ?? "";
}

/** Gives a balancer what a balancer in an account has: the CLI, the script, and two lines for Keepalived. */
async function equip(name: string): Promise<void> {
  const words = [
    ...["move-address", "--address", address, "--region", region, "--interface", "eth0"],
    ...["--patience", "30", "--settle", "1", "--network-interface", of(name), "--route-tables", table],
  ];
  const values = { program: programCurrent, words: JSON.stringify(words) };
  // Debian 12's CLI reads no endpoint from its environment.
  const aside = `#!/bin/sh
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
exec /usr/bin/aws --endpoint-url ${aws.endpoint} "$@"
`;
  const lines = ["notify_master", "notify_master_rx_lower_pri"].map((word) => `    ${word} ${script} root`);
  await lab.on(
    name,
    `set -e
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends awscli >/var/log/awscli.log 2>&1 </dev/null || { tail -n 5 /var/log/awscli.log >&2; exit 1; }
cat >/usr/local/bin/aws <<'END'
${aside}END
cat >${script} <<'END'
${render("aws/move-address", values)}END
chmod 0755 /usr/local/bin/aws ${script}
sed -i '/notify_fault/a\\
${lines.join("\\\n")}' /etc/keepalived/keepalived.conf
systemctl restart keepalived`,
  );
}

/** Waits until the account sends the address to a balancer. @returns the seconds that it took */
async function sentTo(name: string): Promise<number> {
  const started = Date.now();
  for (;;) {
    const text = await aws.ask("DescribeRouteTables", { "RouteTableId.1": table });
    if (text.includes(of(name))) return (Date.now() - started) / 1000;
    assert.ok(Date.now() - started < 90_000, `the address was not sent to ${name} within 90 s`);
    await pause(200);
  }
}

/** Runs a command of this computer's in a host's network. */
async function inNetworkOf(name: string, command: readonly string[], input = ""): Promise<void> {
  const pid = (await podman("inspect", "--format", "{{.State.Pid}}", name)).trim();
  await execa("nsenter", ["-t", pid, "-n", ...command], { input, timeout: 60_000 });
}

const journal = (name: string): Promise<string> =>
  lab.on(name, "journalctl -t rabbitmq-ha-address -o cat --no-pager");

test("the first balancer has the address sent to itself when Keepalived starts", async (t) => {
  t.diagnostic(`${await sentTo(first)} s`);
  await lab.on(first, `${script} there`);
  await assert.rejects(lab.on(second, `${script} there`));
});

test("the second one takes it over, though its first calls are throttled, and the first one takes it back", async (t) => {
  let left = 2;
  aws.judge = (action) => (action === "ReplaceRoute" && left-- > 0 ? "throttle" : "pass");
  try {
    await lab.on(first, "systemctl stop keepalived");
    t.diagnostic(`${await sentTo(second)} s`);
    assert.match(await journal(second), /not here after \d+ s: .*RequestLimitExceeded/);
  } finally {
    await lab.on(first, "systemctl start keepalived");
  }
  await sentTo(first);
});

test("a balancer that for a moment hears no other one takes it, and has it taken back", async () => {
  const chain = 'type filter hook ingress device "eth0" priority 0; policy accept; ip protocol 112 drop;';
  const deaf = `table netdev test {\nchain in {\n${chain}\n}\n}\n`;
  await inNetworkOf(second, ["nft", "-f", "-"], deaf);
  try {
    await sentTo(second);
  } finally {
    await inNetworkOf(second, ["nft", "delete", "table", "netdev", "test"]);
  }
  await sentTo(first);
  await pause(3000);
  await lab.on(first, `${script} there`);
});
