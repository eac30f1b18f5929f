/** What several values have to be to each other. Each rule speaks only of values that are sound in themselves. */
import { awsFaults, strangeAwsFaults } from "./aws-rules.ts";
import { listed, namespace, pathText, type Fault, type Path } from "./faults.ts";
import { gateway, network, type Network } from "../hosts/network.ts";
import type { OperatingSystem } from "../hosts/host.ts";
import { operatingSystems, systems, systemsOf, type PlatformKind } from "../hosts/systems.ts";
import { packageFaults } from "./package-rules.ts";
import { portFaults } from "./ports.ts";
import { textAt, type Reading } from "./reading.ts";

interface Host {
  readonly path: Path;
  readonly name: string | undefined;
  readonly address: string | undefined;
  readonly type: string | undefined;
}

/** Plug-in that the console, the stack's outputs and `npm run verify` rely on. */
const indispensablePlugin = "rabbitmq_management";

/** Plug-in whose page tells of a broker's alarms. */
const metricsPlugin = "rabbitmq_prometheus";

/** RabbitMQ's answer to a network partition, unless the settings insist on another. */
const usualPartitionHandling = "pause_minority";

/** The first balancer's VRRP priority is 150, each further one's 10 less, and the last one's has to be positive. */
const mostBalancers = 15;

/** Finds what is wrong between values; empty where all fits together. */
export function crossFaults(reading: Reading): Fault[] {
  const os = textAt(reading, ["os"]);
  const platform = textAt(reading, ["platform"]);
  // Of machines that are simply there, the network is seen on the machines: platforms/existing looks at it.
  const subnet = platform === "lab" ? network(textAt(reading, ["lab", "subnet"]) ?? "") : undefined;
  const brokers = hosts(reading, "brokers");
  const balancers = hosts(reading, "balancers");
  const all = [...(brokers ?? []), ...(balancers ?? [])];
  return [
    ...systemFaults(os, platform),
    ...(platform === "existing" ? privateKeyFaults(reading) : []),
    ...(platform === "lab" || platform === "aws" ? strangeBlockFaults(reading, platform) : []),
    ...(platform === "aws" ? awsFaults(reading, brokers, balancers) : []),
    ...(platform === "lab" || platform === "existing" ? strangeAwsFaults(reading, platform) : []),
    ...(brokers === undefined
      ? []
      : [...brokerCountFaults(brokers, reading), ...nodeTypeFaults(brokers, os)]),
    ...(balancers === undefined ? [] : balancerCountFaults(balancers)),
    ...duplicateFaults(all, "name"),
    ...duplicateFaults(all, "address"),
    ...(subnet === undefined
      ? []
      : all.flatMap((host) => placeFaults([...host.path, "address"], host.address, subnet))),
    ...virtualAddressFaults(textAt(reading, ["virtualAddress"]), all, subnet),
    ...pluginFaults(reading),
    ...(systemFaults(os, platform).length > 0 ? [] : packageFaults(reading, os)),
    ...portFaults(reading),
  ];
}

function hosts(reading: Reading, key: string): Host[] | undefined {
  const list = reading.sound([key]);
  if (!Array.isArray(list)) return undefined;
  return list.map((_, index) => ({
    path: [key, index],
    name: textAt(reading, [key, index, "name"]),
    address: textAt(reading, [key, index, "address"]),
    type: textAt(reading, [key, index, "type"]),
  }));
}

function names(of: readonly Host[]): string[] {
  return of.map(({ name, path }) => name ?? pathText(path));
}

function systemFaults(os: string | undefined, platform: string | undefined): Fault[] {
  if (os === undefined || !isPlatform(platform)) return [];
  const offered: readonly string[] = systemsOf(platform);
  if (offered.includes(os)) return [];
  const reasons: Readonly<Record<PlatformKind, string>> = {
    lab: "the lab does not run it",
    existing: "the program does not set it up yet",
    aws: "it has no AWS CLI among its packages, which moves the virtual address",
  };
  return [{ path: ["os"], value: os, words: `${reasons[platform]}; write ${listed(offered, "or")}` }];
}

function isPlatform(platform: string | undefined): platform is PlatformKind {
  return platform === "lab" || platform === "existing" || platform === "aws";
}

function privateKeyFaults(reading: Reading): Fault[] {
  const path = ["existing", "privateKeyFile"];
  if (reading.faulty(path) || reading.faulty(["sshPrivateKey"])) return [];
  const file = reading.sound(path);
  const key = reading.sound(["sshPrivateKey"]);
  if ((file === undefined) !== (key === undefined)) return [];
  const words =
    file === undefined
      ? "missing; write where the key to log in with lies, or set the secret sshPrivateKey"
      : "one key too many; remove it, or the secret sshPrivateKey";
  return [{ path, ...(file === undefined ? {} : { value: file }), words }];
}

/** A block of another platform's is one that was meant to be used. */
function strangeBlockFaults(reading: Reading, platform: string): Fault[] {
  const keys = ["privateKeyFile", "hostKeys", "bastion"];
  if (keys.every((key) => reading.sound(["existing", key]) === undefined)) return [];
  const words = `of no use to platform ${platform}; write platform: existing, or remove the block`;
  return [{ path: ["existing"], value: reading.sound(["existing"]), words }];
}

function brokerCountFaults(brokers: readonly Host[], reading: Reading): Fault[] {
  const handlingPath = ["rabbitmq", "settings", "cluster_partition_handling"];
  if (reading.faulty(handlingPath)) return [];
  const handling = reading.sound(handlingPath) ?? usualPartitionHandling;
  if (handling !== usualPartitionHandling) return [];
  const count = brokers.length;
  if (count >= 3 && count % 2 === 1) return [];
  const why =
    count < 3
      ? "fewer than three brokers, with no majority left when one is lost"
      : "an even number of brokers, which a network can split into halves that both pause";
  const counts = count < 3 ? "three" : `${String(count - 1)} or ${String(count + 1)}`;
  const words = `${why}; write ${counts}, or another rabbitmq.settings.cluster_partition_handling than ${usualPartitionHandling}`;
  return [{ path: ["brokers"], value: names(brokers), words }];
}

function nodeTypeFaults(brokers: readonly Host[], os: string | undefined): Fault[] {
  const ram = brokers.filter(({ type }) => type === "ram");
  if (hasRabbitmq4(os)) {
    const words = `RabbitMQ 4, which ${os} has, knows no ram nodes; write disc, or leave the key out`;
    return ram.map(({ path, type }) => ({ path: [...path, "type"], value: type, words }));
  }
  if (ram.length === 0 || ram.length < brokers.length) return [];
  return [
    {
      path: ["brokers"],
      value: names(brokers),
      words: "all are ram nodes, which keep nothing; write type: disc for at least one",
    },
  ];
}

/** RabbitMQ 4 has no ram nodes. */
function hasRabbitmq4(os: string | undefined): os is OperatingSystem {
  return operatingSystems.some((known) => known === os && systems[known].rabbitmq === 4);
}

function balancerCountFaults(balancers: readonly Host[]): Fault[] {
  const count = balancers.length;
  if (count < 2) {
    const words = "no other to take the virtual address over; write two or more balancers";
    return [{ path: ["balancers"], value: names(balancers), words }];
  }
  if (count <= mostBalancers) return [];
  const words = `more than there are priorities for; write at most ${String(mostBalancers)} balancers`;
  return [{ path: ["balancers"], value: names(balancers), words }];
}

function duplicateFaults(all: readonly Host[], kind: "name" | "address"): Fault[] {
  return all.flatMap((host, index) => {
    const value = host[kind];
    const other = all.slice(0, index).find((earlier) => value !== undefined && earlier[kind] === value);
    if (other === undefined) return [];
    const who = kind === "address" && other.name !== undefined ? other.name : pathText(other.path);
    return [
      {
        path: [...host.path, kind],
        value,
        words: `two hosts have this ${kind} (${who}); give each host its own`,
      },
    ];
  });
}

/** An address in the lab's network, and none that the network keeps for itself. */
function placeFaults(path: Path, address: string | undefined, subnet: Network): Fault[] {
  if (address === undefined) return [];
  const kept = new Map([
    [subnet.first, "network's own address"],
    [subnet.last, "network's broadcast address"],
    [gateway(subnet), "lab's gateway"],
  ]).get(address);
  const write = `write a free one in ${subnet.cidr}`;
  if (kept !== undefined) return [{ path, value: address, words: `the ${kept}; ${write}` }];
  if (subnet.contains(address)) return [];
  return [
    { path, value: address, words: `outside the hosts' network; ${write}, or set ${namespace}:lab.subnet` },
  ];
}

function virtualAddressFaults(
  address: string | undefined,
  all: readonly Host[],
  subnet: Network | undefined,
): Fault[] {
  const path = ["virtualAddress"];
  const owner = all.find((host) => address !== undefined && host.address === address);
  if (owner !== undefined) {
    const words = `the address of ${owner.name ?? pathText(owner.path)}; write one that no host has`;
    return [{ path, value: address, words }];
  }
  return subnet === undefined ? [] : placeFaults(path, address, subnet);
}

function pluginFaults(reading: Reading): Fault[] {
  const path = ["rabbitmq", "plugins"];
  const plugins = reading.sound(path);
  if (!Array.isArray(plugins)) return [];
  const lacks = (plugin: string, what: string): Fault[] =>
    plugins.includes(plugin) ? [] : [{ path, value: plugins, words: `without ${plugin} ${what}; add it` }];
  return [
    ...lacks(indispensablePlugin, "there is no console and nothing to ask for its state"),
    ...(reading.sound(["haproxy", "avoidAlarms"]) === true
      ? lacks(metricsPlugin, "nothing says that a broker is in alarm, as haproxy.avoidAlarms wants to know")
      : []),
  ];
}
