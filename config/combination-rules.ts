/** Rules on several values at once. Each rule only uses values that have no fault themselves. */
import { awsFaults, unusedAwsFaults } from "./aws-rules.ts";
import { joinNames, namespace, formatPath, type Fault, type Path } from "./faults.ts";
import { gatewayAddress, parseNetwork, type Network } from "../hosts/network.ts";
import { isPlatformKind, type PlatformKind } from "../hosts/platform-kinds.ts";
import { abilitiesOf, describeRabbitmq } from "../hosts/rabbitmq-version.ts";
import { operatingSystems, systemsOf } from "../hosts/systems.ts";
import { definitionsOf } from "./definitions/configured-definitions.ts";
import { packageFaults } from "./package-rules.ts";
import { pluginNameFaults } from "./plugin-rules.ts";
import { repositoryFaults } from "./repository-rules.ts";
import { portFaults } from "./port-conflicts.ts";
import { configuredVersion, queueFaults } from "./queues.ts";
import { keysOf, textAt, type ConfigReading } from "./reading.ts";
import { closingFaults, rotationFaults } from "./rotation-rules.ts";
import { secretMap } from "./secrets.ts";
import { tlsFaults } from "./tls-rules.ts";
import type { HostEntry } from "./types.ts";

interface UncheckedHost {
  readonly path: Path;
  readonly name: string | undefined;
  readonly address: string | undefined;
  readonly type: string | undefined;
}

/** The plug-in that the management UI, the stack's outputs and `npm run verify` need. */
const managementPlugin = "rabbitmq_management";

/** The plug-in whose metrics show a broker's alarms. */
const metricsPlugin = "rabbitmq_prometheus";

/** How RabbitMQ handles a network partition, unless `settings` choose another way. */
const defaultPartitionHandling = "pause_minority";

/** The first balancer's VRRP priority is 150, each further one's is 10 less, and the last one's must be positive. */
const maxBalancers = 15;

/** @returns the faults between values that are valid by themselves */
export function combinationFaults(reading: ConfigReading): Fault[] {
  const os = textAt(reading, ["os"]);
  const platform = textAt(reading, ["platform"]);
  // The network of existing machines is only known on the machines: platforms/existing checks it.
  const subnet = platform === "lab" ? parseNetwork(textAt(reading, ["lab", "subnet"]) ?? "") : undefined;
  const brokers = hosts(reading, "brokers");
  const balancers = hosts(reading, "balancers");
  const all = [...(brokers ?? []), ...(balancers ?? [])];
  return [
    ...systemFaults(os, platform),
    ...(platform === "existing" ? privateKeyFaults(reading) : []),
    ...(platform === "lab" || platform === "aws" ? unusedBlockFaults(reading, platform) : []),
    ...(platform === "aws" ? awsFaults(reading, brokers, balancers) : []),
    ...(platform === "lab" || platform === "existing" ? unusedAwsFaults(reading, platform) : []),
    ...(brokers === undefined
      ? []
      : [...brokerCountFaults(brokers, reading), ...nodeTypeFaults(brokers, reading)]),
    ...(balancers === undefined ? [] : balancerCountFaults(balancers)),
    ...duplicateFaults(all, "name"),
    ...duplicateFaults(all, "address"),
    ...(subnet === undefined
      ? []
      : all.flatMap((host) => addressFaults([...host.path, "address"], host.address, subnet))),
    ...virtualAddressFaults(textAt(reading, ["virtualAddress"]), all, subnet),
    ...pluginFaults(reading),
    ...servedBrokerFaults(reading),
    ...pluginNameFaults(reading),
    ...doubledSettingFaults(reading),
    ...cookieFaults(reading, os),
    ...(systemFaults(os, platform).length > 0
      ? []
      : [...packageFaults(reading, os), ...repositoryFaults(reading, os)]),
    ...queueFaults(reading, os),
    ...tlsFaults(reading),
    ...portFaults(reading),
    ...definitionsAndRotation(reading, os),
  ];
}

function definitionsAndRotation(reading: ConfigReading, os: string | undefined): Fault[] {
  const defined = definitionsOf(reading, os);
  const isDefining = defined !== undefined || reading.hasFault(["definitions"]);
  return [...(defined?.faults ?? []), ...rotationFaults(reading, isDefining), ...closingFaults(reading)];
}

function hosts(reading: ConfigReading, key: string): UncheckedHost[] | undefined {
  const list = reading.validValue([key]);
  if (!Array.isArray(list)) return undefined;
  return list.map((_, index) => ({
    path: [key, index],
    name: textAt(reading, [key, index, "name"]),
    address: textAt(reading, [key, index, "address"]),
    type: textAt(reading, [key, index, "type"]),
  }));
}

function names(of: readonly UncheckedHost[]): string[] {
  return of.map(({ name, path }) => name ?? formatPath(path));
}

function systemFaults(os: string | undefined, platform: string | undefined): Fault[] {
  if (os === undefined || !isPlatformKind(platform)) return [];
  const offered: readonly string[] = systemsOf(platform);
  if (offered.includes(os)) return [];
  const reasons: Readonly<Record<PlatformKind, string>> = {
    lab: "not a system of the lab",
    existing: "a system that the program does not support",
    aws: "a system without a package of the AWS CLI, which moves the virtual address",
  };
  return [{ path: ["os"], value: os, message: `${reasons[platform]}; write ${joinNames(offered, "or")}` }];
}

function privateKeyFaults(reading: ConfigReading): Fault[] {
  const path = ["existing", "privateKeyFile"];
  if (reading.hasFault(path) || reading.hasFault(["sshPrivateKey"])) return [];
  const file = reading.validValue(path);
  const key = reading.validValue(["sshPrivateKey"]);
  if ((file === undefined) !== (key === undefined)) return [];
  const message =
    file === undefined
      ? "missing; write the path of the private key to log in with, or set the secret sshPrivateKey"
      : "set, and so is the secret sshPrivateKey; remove one of them";
  return [{ path, ...(file === undefined ? {} : { value: file }), message }];
}

/** A block of another platform that is filled in: probably `platform` is wrong. */
function unusedBlockFaults(reading: ConfigReading, platform: string): Fault[] {
  const keys = ["privateKeyFile", "hostKeys", "bastion"];
  if (keys.every((key) => reading.validValue(["existing", key]) === undefined)) return [];
  const message = `not used on platform ${platform}; write platform: existing, or remove the block`;
  return [{ path: ["existing"], value: reading.validValue(["existing"]), message }];
}

function brokerCountFaults(brokers: readonly UncheckedHost[], reading: ConfigReading): Fault[] {
  const handlingPath = ["rabbitmq", "settings", "cluster_partition_handling"];
  if (reading.hasFault(handlingPath)) return [];
  const handling = reading.validValue(handlingPath) ?? defaultPartitionHandling;
  if (handling !== defaultPartitionHandling) return [];
  const count = brokers.length;
  if (count >= 3 && count % 2 === 1) return [];
  const problem =
    count < 3
      ? "fewer than three brokers, with no majority left when one is lost"
      : "an even number of brokers, which a network partition can split into halves that both pause";
  const counts = count < 3 ? "three" : `${String(count - 1)} or ${String(count + 1)}`;
  const message = `${problem}; write ${counts}, or another rabbitmq.settings.cluster_partition_handling than ${defaultPartitionHandling}`;
  return [{ path: ["brokers"], value: names(brokers), message }];
}

/** On existing machines the precheck judges ram nodes, by the RabbitMQ that it finds. */
function nodeTypeFaults(brokers: readonly UncheckedHost[], reading: ConfigReading): Fault[] {
  const ram = brokers.filter(({ type }) => type === "ram");
  const os = operatingSystems.find((known) => known === textAt(reading, ["os"]));
  if (os !== undefined && textAt(reading, ["platform"]) !== "existing") {
    const rabbitmq = configuredVersion(reading, os);
    if (!abilitiesOf(rabbitmq).hasRamNodes) {
      const message = `not supported by ${describeRabbitmq(rabbitmq, os)}; write disc, or leave the key out`;
      return ram.map(({ path, type }): Fault => ({ path: [...path, "type"], value: type, message }));
    }
  }
  if (ram.length === 0 || ram.length < brokers.length) return [];
  return [
    {
      path: ["brokers"],
      value: names(brokers),
      message: "all are ram nodes, which store nothing on disk; write type: disc for at least one",
    },
  ];
}

function balancerCountFaults(balancers: readonly UncheckedHost[]): Fault[] {
  const count = balancers.length;
  if (count < 2) {
    const message =
      "too few: no other balancer can take over the virtual address; write two or more balancers";
    return [{ path: ["balancers"], value: names(balancers), message }];
  }
  if (count <= maxBalancers) return [];
  const message = `too many: there are not enough VRRP priorities; write at most ${String(maxBalancers)} balancers`;
  return [{ path: ["balancers"], value: names(balancers), message }];
}

function duplicateFaults(all: readonly UncheckedHost[], kind: "name" | "address"): Fault[] {
  return all.flatMap((host, index): Fault[] => {
    const value = host[kind];
    const other = all.slice(0, index).find((earlier) => value !== undefined && earlier[kind] === value);
    if (other === undefined) return [];
    const who = kind === "address" && other.name !== undefined ? other.name : formatPath(other.path);
    return [
      {
        path: [...host.path, kind],
        value,
        message: `already the ${kind} of ${who}; give each host its own`,
      },
    ];
  });
}

/** An address must be in the lab's network, and must not be one that the network reserves. */
function addressFaults(path: Path, address: string | undefined, subnet: Network): Fault[] {
  if (address === undefined) return [];
  const reserved = new Map([
    [subnet.first, "network's own address"],
    [subnet.last, "network's broadcast address"],
    [gatewayAddress(subnet), "lab's gateway"],
  ]).get(address);
  const remedy = `write a free one in ${subnet.cidr}`;
  if (reserved !== undefined) return [{ path, value: address, message: `the ${reserved}; ${remedy}` }];
  if (subnet.contains(address)) return [];
  return [
    {
      path,
      value: address,
      message: `outside the hosts' network; ${remedy}, or set ${namespace}:lab.subnet`,
    },
  ];
}

function virtualAddressFaults(
  address: string | undefined,
  all: readonly UncheckedHost[],
  subnet: Network | undefined,
): Fault[] {
  const path = ["virtualAddress"];
  const owner = all.find((host) => address !== undefined && host.address === address);
  if (owner !== undefined) {
    const message = `the address of ${owner.name ?? formatPath(owner.path)}; write one that no host has`;
    return [{ path, value: address, message }];
  }
  return subnet === undefined ? [] : addressFaults(path, address, subnet);
}

function pluginFaults(reading: ConfigReading): Fault[] {
  const path = ["rabbitmq", "plugins"];
  const plugins = reading.validValue(path);
  if (!Array.isArray(plugins)) return [];
  const missingPlugin = (plugin: string, consequence: string): Fault[] => {
    const message = `without ${plugin} ${consequence}; add it`;
    return plugins.includes(plugin) ? [] : [{ path, value: plugins, message }];
  };
  return [
    ...missingPlugin(managementPlugin, "there is no management UI, and the broker's state cannot be queried"),
    ...(reading.validValue(["haproxy", "avoidAlarms"]) === true
      ? missingPlugin(
          metricsPlugin,
          "nothing reports that a broker is in alarm, which haproxy.avoidAlarms needs",
        )
      : []),
  ];
}

function servedBrokerFaults(reading: ConfigReading): Fault[] {
  const path = ["haproxy", "brokers"];
  const served = reading.validValue(path) as readonly HostEntry[] | undefined;
  if (served === undefined) return [];
  if (served.length === 0)
    return [{ path, value: served, message: "no brokers; write one or more, or leave the key out" }];
  if (reading.validValue(["haproxy", "proxyProtocol"]) === true)
    return [
      {
        path,
        value: served,
        message: "beside haproxy.proxyProtocol, which these brokers may not expect; write that as false",
      },
    ];
  const isDoubled = (key: keyof HostEntry): boolean =>
    new Set(served.map((each) => each[key])).size < served.length;
  if (!isDoubled("name") && !isDoubled("address")) return [];
  return [{ path, value: served, message: "the same name or address twice; write each broker once" }];
}

function doubledSettingFaults(reading: ConfigReading): Fault[] {
  const open = keysOf(reading, ["rabbitmq", "settings"]);
  return keysOf(reading, secretMap)
    .filter((key) => open.includes(key))
    .map((key) => ({
      path: ["rabbitmq", "settings", key],
      message: "also in rabbitmq.secretSettings; remove one of them",
    }));
}

/** Debian's and Ubuntu's package takes such a cookie for one that Erlang made, and makes another at its next upgrade. */
function cookieFaults(reading: ConfigReading, os: string | undefined): Fault[] {
  const path = ["erlangCookie"];
  const isReplaced = /^(debian|ubuntu)-/.test(os ?? "") && /^[A-Z]{20}$/.test(textAt(reading, path) ?? "");
  if (!isReplaced) return [];
  const message =
    "twenty capitals, which the package rabbitmq-server replaces at its next upgrade; set one with digits too, on a running cluster while all its brokers are stopped";
  return [{ path, message }];
}
