/** Balancers that do not reach each other on the virtual address's interface: in a real kernel, and over SSH. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { execa, execaSync } from "execa";
import type { ProbedHost } from "../../../platforms/existing/precheck/faults.ts";
import { neighbourFaults, renderNeighboursScript } from "../../../platforms/existing/precheck/neighbours.ts";
import { hasFacts, parseProbeOutput } from "../../../platforms/existing/precheck/probe.ts";
import type { IntendedSetup } from "../../../platforms/existing/precheck/probe-target.ts";
import { newKey } from "../../engine/ssh-keys.ts";
import { SshServer } from "../../engine/ssh-server.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

/** Two networks on one cable: 10.7.0.5 is at its other end, and 10.7.0.6 is nowhere. */
const network = `
set -e
ip link set lo up
ip link add eth1 type veth peer name other
unshare -n sleep 60 </dev/null >/dev/null 2>&1 &
other=$!; disown
trap 'kill $other' EXIT
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set other netns $other
ip addr add 10.7.0.4/24 dev eth1
ip link set eth1 up
nsenter -t $other -n ip addr add 10.7.0.5/24 dev other
nsenter -t $other -n ip link set other up
set +e
`;
const withoutKernel =
  execaSync("unshare", ["-n", "ip", "link", "add", "eth1", "type", "veth"], { reject: false }).exitCode === 0
    ? false
    : "needs root, unshare and ip";

test("who answers by ARP is there, also without any listener", { skip: withoutKernel }, async () => {
  const input = `${network}${renderNeighboursScript("eth1", ["10.7.0.5", "10.7.0.6"])}`;
  const { stdout } = await execa("unshare", ["-n", "bash", "-s"], { input });
  assert.deepEqual(stdout.split("\n"), ["silent=10.7.0.6", "asked=yes"]);
});

const key = newKey();
const servers: SshServer[] = [];
after(() => Promise.all(servers.map((server) => server.stop())));

/** @param answer what the machine says instead of asking its network */
async function balancer(number: number, answer: string): Promise<ProbedHost> {
  const server = await SshServer.start({ keys: [key.public], forcedCommand: answer });
  servers.push(server);
  const login = { host: "127.0.0.1", port: server.port, user: "ops", privateKey: key.private };
  const facts = parseProbeOutput(
    `clock=1\nmachine-id=${number}\ndevice=eth1\ninet=eth1 10.7.0.${number}/24`,
    0,
  );
  assert.ok(hasFacts(facts));
  return { machine: { name: `lb${number}`, address: `10.0.0.${number}`, role: "balancer", login }, facts };
}

const plan: IntendedSetup = {
  ...intendedSetup,
  machines: [],
  virtualAddress: "10.7.0.100",
  interface: "eth1",
};

test("balancers apart are refused, since both would hold the virtual address", async () => {
  const probed = await Promise.all([
    balancer(4, "echo silent=10.7.0.5; echo asked=yes"),
    balancer(5, "echo asked=yes"),
  ]);
  assert.deepEqual(await neighbourFaults(probed, plan), [
    "lb4 (10.0.0.4): nobody answers on eth1 for 10.7.0.5, the address of lb5 there, so both would hold the virtual address; " +
      "put both interfaces into one network (VLAN, port group), or set another keepalived.interface",
  ]);
});

test("a balancer that does not answer whole is no permission; without a stated interface nobody is asked", async () => {
  const probed = await Promise.all([balancer(4, "true"), balancer(5, "exit 3")]);
  const faults = await neighbourFaults(probed, plan);
  assert.equal(faults.length, 2);
  assert.match(faults[0] ?? "", /^lb4 \(10\.0\.0\.4\): could not be probed: the probe wrote nothing/);
  assert.match(faults[1] ?? "", /^lb5 .*could not be probed: the command ended with 3/);
  const { interface: _, ...unstated } = plan;
  assert.deepEqual(await neighbourFaults(probed, unstated), []);
});
