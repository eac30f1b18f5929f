/** Keepalived on two real hosts calls the script that moves the address in an AWS account, with Debian's AWS CLI. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { ensurePythonTools } from "../../toolchain/python.ts";
import { podman } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { currentProgramFolder } from "../../remote/program.ts";
import { render } from "../../templates/render.ts";
import { FakeAwsServer, region } from "../support/aws-server.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "w", net: 68 }), {
  prepare,
  release: () => (aws as FakeAwsServer | undefined)?.stop(),
});
const address = lab.virtualAddress;
const DestinationCidrBlock = `${address}/32`;
const [first = "", second = ""] = lab.balancers;
const script = "/usr/local/lib/rabbitmq-ha/move-address";
let aws: FakeAwsServer;
let table: string;
/** The network interface of each balancer, by its name. */
const interfaces = new Map<string, string>();

async function prepare(): Promise<void> {
  const { bin } = await ensurePythonTools("aws");
  await lab.runOrThrow("up");
  // The network's gateway is this computer.
  aws = await FakeAwsServer.start(bin, "192.168.68.1");
  const VpcId = await aws.create("CreateVpc", "vpcId", { CidrBlock: "10.30.0.0/16" });
  const SubnetId = await aws.create("CreateSubnet", "subnetId", { VpcId, CidrBlock: "10.30.1.0/24" });
  for (const name of lab.balancers) {
    interfaces.set(name, await aws.create("CreateNetworkInterface", "networkInterfaceId", { SubnetId }));
  }
  table = await aws.create("CreateRouteTable", "routeTableId", { VpcId });
  const parameters = { RouteTableId: table, DestinationCidrBlock, NetworkInterfaceId: of(second) };
  await aws.callMoto("CreateRoute", parameters);
  await Promise.all(lab.balancers.map(equip));
}
beforeEach(async () => {
  aws.handlingOf = () => "pass";
  await waitUntilRoutedTo(first);
});

function of(name: string): string {
  return interfaces.get(name) ?? "";
}

/** Gives a balancer what it would have in an AWS account: the CLI, the script, and two lines for Keepalived. */
async function equip(name: string): Promise<void> {
  const words = [
    ...["move-address", "--address", address, "--region", region, "--interface", "eth0"],
    ...["--patience", "30", "--settle", "1", "--network-interface", of(name), "--route-tables", table],
  ];
  const values = { program: currentProgramFolder, words: JSON.stringify(words) };
  // Debian 12's CLI does not read the endpoint from its environment.
  const aside = `#!/bin/sh
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
exec /usr/bin/aws --endpoint-url ${aws.endpoint} "$@"
`;
  const lines = ["notify_master", "notify_master_rx_lower_pri"].map((word) => `    ${word} ${script} root`);
  await lab.runOn(
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

/** Waits until the account routes the address to a balancer. @returns the seconds that it took */
async function waitUntilRoutedTo(name: string): Promise<number> {
  const started = Date.now();
  for (;;) {
    const text = await aws.callMoto("DescribeRouteTables", { "RouteTableId.1": table });
    if (text.includes(of(name))) return (Date.now() - started) / 1000;
    assert.ok(Date.now() - started < 90_000, `the address was not routed to ${name} within 90 s`);
    await pause(200);
  }
}

/** Runs a command of this computer in a host's network namespace. */
async function inNetworkOf(name: string, command: readonly string[], input = ""): Promise<void> {
  const pid = (await podman("inspect", "--format", "{{.State.Pid}}", name)).trim();
  await execa("nsenter", ["-t", pid, "-n", ...command], { input, timeout: 60_000 });
}

const journal = (name: string): Promise<string> =>
  lab.runOn(name, "journalctl -t rabbitmq-ha-address -o cat --no-pager");

test("the address is routed to the first balancer when Keepalived starts", async (t) => {
  t.diagnostic(`${await waitUntilRoutedTo(first)} s`);
  await lab.runOn(first, `${script} there`);
  await assert.rejects(lab.runOn(second, `${script} there`));
});

test("the second balancer takes the address over although calls are throttled; then the first takes it back", async (t) => {
  let left = 2;
  aws.handlingOf = (action) => (action === "ReplaceRoute" && left-- > 0 ? "throttle" : "pass");
  try {
    await lab.runOn(first, "systemctl stop keepalived");
    t.diagnostic(`${await waitUntilRoutedTo(second)} s`);
    assert.match(await journal(second), /not here after \d+ s: .*RequestLimitExceeded/);
  } finally {
    await lab.runOn(first, "systemctl start keepalived");
  }
  await waitUntilRoutedTo(first);
});

test("a balancer that hears no VRRP for a while takes the address; the first one then takes it back", async () => {
  const chain = 'type filter hook ingress device "eth0" priority 0; policy accept; ip protocol 112 drop;';
  const dropVrrp = `table netdev test {\nchain in {\n${chain}\n}\n}\n`;
  await inNetworkOf(second, ["nft", "-f", "-"], dropVrrp);
  try {
    await waitUntilRoutedTo(second);
  } finally {
    await inNetworkOf(second, ["nft", "delete", "table", "netdev", "test"]);
  }
  await waitUntilRoutedTo(first);
  await pause(3000);
  await lab.runOn(first, `${script} there`);
});
