/** The faults of existing machines, as messages: pure functions of what the probes found. */
import { brokerDataFolder } from "../../../hosts/broker-paths.ts";
import { joinNames } from "../../../config/faults.ts";
import { filesOfOthersFaults } from "./files-of-others.ts";
import { pythonFaults } from "./python.ts";
import { probeFailureLines } from "./probe-failures.ts";
import { distributionPort, epmdPort } from "../../../hosts/other-ports.ts";
import { frontendsOf, servedProtocols, type ServedProtocol } from "../../../hosts/protocol-ports.ts";
import { blockedFaults } from "./firewalls.ts";
import { rabbitmqFaults } from "./rabbitmq.ts";
import { surroundingFaults } from "./surroundings.ts";
import { vrrpAddressFaults, vrrpNetworkFaults } from "./vrrp-address.ts";
import { hasFacts, type Listener, type ProbeResult, type HostFacts } from "./probe.ts";
import { machineLabel, type IntendedSetup, type ProbeTarget } from "./probe-target.ts";

/** A machine whose probe succeeded. */
export interface ProbedHost {
  readonly machine: ProbeTarget;
  readonly facts: HostFacts;
}

/** With a larger skew, logs of several machines cannot be compared, and certificates expire on some machines only. */
const maxClockSkewSeconds = 5;

/**
 * The packages and their downloads take some hundred MiB. A broker also keeps its messages there, and stops accepting
 * them before the disk is full (https://www.rabbitmq.com/docs/disk-alarms).
 */
const minFreeDiskKib = { broker: 2 * 1024 ** 2, balancer: 512 * 1024 } as const;

/**
 * An idle broker takes 135 MB and blocks publishers at 40 % of the machine's memory
 * (https://www.rabbitmq.com/docs/memory); a balancer stores little more than its connections.
 */
const minMemoryKib = { broker: 512 * 1024, balancer: 200 * 1024 } as const;

/** The version of CentOS 7, the oldest system that the program supports. */
const minSystemdVersion = 219;

/** @returns the machines whose probe has answered */
export function probedHosts(results: readonly ProbeResult[]): ProbedHost[] {
  return results.flatMap(({ machine, outcome }) => (hasFacts(outcome) ? [{ machine, facts: outcome }] : []));
}

/** @returns a line for each fault: first those of single machines, in the configuration's order, then the others */
export function findFaults(results: readonly ProbeResult[], plan: IntendedSetup): string[] {
  const probed = probedHosts(results);
  const medianClock = median(probed.map(({ facts }) => facts.clockSeconds));
  const isComplete = probed.length === results.length;
  const lines = results.flatMap((each) => {
    const one = probed.find(({ machine }) => machine === each.machine);
    if (one === undefined) return probeFailureLines(each, plan.stack.name);
    const faults = [
      ...[
        ...ownerFaults(one, plan),
        ...systemFaults(one, plan),
        ...clockFaults(one, medianClock),
        ...capacityFaults(one),
        ...filesOfOthersFaults(one.facts.files, one.machine, plan),
        ...addressFaults(one),
        ...surroundingFaults(one),
        ...pythonFaults(one.facts.python),
      ],
      ...[...portFaults(one, plan), ...dataFaults(one), ...virtualAddressFaults(one, plan)],
      // The owner of a MAC address is known only if all machines have reported theirs.
      ...(isComplete ? addressConflictFaults(one, probed, plan) : []),
    ];
    return faults.map((fault) => `${machineLabel(each.machine)}: ${fault}`);
  });
  return [
    ...new Set([
      ...lines,
      ...machineIdFaults(probed),
      ...nameFaults(probed, plan),
      ...rabbitmqFaults(probed, plan),
      ...vrrpNetworkFaults(probed, plan),
      // A balancer that has not reported its addresses would be taken for a router outside the stack.
      ...(isComplete || plan.interface === undefined ? routerFaults(probed, plan) : []),
      ...blockedFaults(probed),
    ]),
  ];
}

/** A machine that another stack has set up, or a copy of another machine of this stack. */
export function ownerFaults({ machine, facts: { owner } }: ProbedHost, plan: IntendedSetup): string[] {
  const { stack, machines, takeOver } = plan;
  if (owner === undefined) return [];
  if (owner === "unreadable") {
    return [
      "its mark, /var/lib/rabbitmq-ha/owner, does not name its stack; see which stack lists the machine, and remove the file if none does",
    ];
  }
  if (takeOver.includes(machine.name)) return [];
  const take = `take it over: npm run up -- --take-over ${machine.name} --stack ${stack.name}`;
  if (owner.stackId !== stack.id) {
    const belongs = `belongs to stack "${owner.stack}" as ${owner.host}`;
    if (owner.stack !== stack.name) return [`${belongs}; give another machine, or ${take}`];
    return [
      `${belongs}, and the state of this stack "${stack.name}" does not know it: it is a stack of another checkout or backend, ` +
        `its state is lost, or it was destroyed while the machine did not answer; use or restore that state; if there is none, ${take}`,
    ];
  }
  // If no machine of the stack has the marked name any more, the machine was renamed.
  if (owner.host === machine.name || !machines.some(({ name }) => name === owner.host)) return [];
  return [
    `has the mark of ${owner.host}, another machine of this stack, so it is a copy of it; give a machine of its own, or ${take}`,
  ];
}

/** Machines with the same machine-id, which the program could not tell apart. */
export function machineIdFaults(probed: readonly ProbedHost[]): string[] {
  const byId = new Map<string, ProbeTarget[]>();
  for (const { machine, facts } of probed) {
    if (facts.machineId !== "") byId.set(facts.machineId, [...(byId.get(facts.machineId) ?? []), machine]);
  }
  return [...byId.values()]
    .filter((machines) => machines.length > 1)
    .map(
      (machines) =>
        `${joinNames(machines.map(machineLabel))}: have the same machine-id, as copies of one image do; give each its own: ` +
        "rm -f /etc/machine-id /var/lib/dbus/machine-id && systemd-machine-id-setup, and reboot",
    );
}

export function systemFaults({ facts }: ProbedHost, { os }: IntendedSetup): string[] {
  const { system, isConfiguredSystem, systemdVersion, machineId } = facts;
  const faults = isConfiguredSystem
    ? []
    : [`runs ${system}, and os is ${os}; set os to the system that it runs, or use another machine`];
  if (machineId === "") faults.push("has no machine-id; make one: systemd-machine-id-setup, and reboot it");
  if (systemdVersion === undefined) return [...faults, "does not run systemd; use a machine that does"];
  if (systemdVersion >= minSystemdVersion) return faults;
  return [...faults, `has systemd ${systemdVersion}; use a machine with ${minSystemdVersion} or newer`];
}

/** @param medianClock the median of all clocks, in seconds */
export function clockFaults({ facts: { clockSeconds } }: ProbedHost, medianClock: number): string[] {
  const ahead = clockSeconds - medianClock;
  // Negated, so that NaN, a clock that could not be read, is no fault.
  if (!(Math.abs(ahead) > maxClockSkewSeconds)) return [];
  const direction = ahead > 0 ? "ahead of" : "behind";
  const fault = `its clock is ${Math.round(Math.abs(ahead))} s ${direction} the median of all machines' clocks`;
  return [`${fault}; set it, and synchronize it by NTP (chrony or systemd-timesyncd)`];
}

/** A broker that is set up is not checked: its own alarms do that, and a change of its settings may be the remedy. */
export function capacityFaults({
  machine: { name, role },
  facts: { freeDiskKib, memoryKib, dataNodes },
}: ProbedHost): string[] {
  if (dataNodes.includes(`rabbit@${name}`)) return [];
  const diskFault = [
    `has ${mebibytes(freeDiskKib)} free below /var, and a ${role} needs`,
    mebibytes(minFreeDiskKib[role]),
  ];
  const memoryFault = [
    `has ${mebibytes(memoryKib)} of memory, and a ${role} needs`,
    mebibytes(minMemoryKib[role]),
  ];
  return [
    ...(freeDiskKib < minFreeDiskKib[role] ? [`${diskFault.join(" ")}; free some space there`] : []),
    ...(memoryKib < minMemoryKib[role] ? [`${memoryFault.join(" ")}; add memory`] : []),
  ];
}

export function addressFaults({ machine: { address }, facts: { addresses } }: ProbedHost): string[] {
  if (addresses.some((inet) => inet.address === address)) return [];
  const others = addresses.filter((inet) => !inet.address.startsWith("127."));
  const present = joinNames(others.map((inet) => `${inet.address} on ${inet.device}`));
  return [
    `has its configured address on none of its interfaces (it has ${present === "" ? "none" : present}); set an address of the machine itself: ` +
      "the other machines cannot use one that is translated on the way (NAT)",
  ];
}

/** A port that the program will use on a machine. */
interface PortUse {
  readonly port: number;
  /** The setting that changes the port. @default it cannot be changed */
  readonly setting?: string;
  /** The processes of the program's own services that may listen there. */
  readonly owners: readonly string[];
  /** The only address that the service is bound to. @default all addresses */
  readonly on?: string;
}

function portUses({ role, address }: ProbeTarget, { statsPort, ...served }: IntendedSetup): PortUse[] {
  const owners = role === "broker" ? ["beam.smp"] : ["haproxy"];
  const use = ({ port, configKey }: ServedProtocol): PortUse => ({ port, setting: configKey, owners });
  if (role === "balancer") {
    const stats = { port: statsPort, setting: "haproxy.statsPort", owners, on: address };
    return [...frontendsOf(served).map(use), stats];
  }
  return [
    ...servedProtocols(served).map(use),
    // A systemd socket starts Debian's epmd; a socket without a visible owner counts as the broker's.
    { port: epmdPort, owners: ["epmd", "systemd", "beam.smp"] },
    { port: distributionPort, owners },
  ];
}

const allAddresses = ["*", "0.0.0.0", "[::]", "::"];

export function portFaults({ machine, facts: { listeners } }: ProbedHost, plan: IntendedSetup): string[] {
  return portUses(machine, plan).flatMap(({ port, setting, owners, on }) => {
    const foreign = listeners.filter(
      (each) =>
        each.port === port &&
        (on === undefined || [...allAddresses, on].includes(each.address)) &&
        !each.processes.some((name) => owners.includes(name)),
    );
    if (foreign.length === 0) return [];
    const holders = joinNames([...new Set(foreign.map(holder))]);
    const other = setting === undefined ? "" : `, or set another ${setting}`;
    return [`port ${port} is taken by ${holders}; stop and disable it${other}`];
  });
}

function holder({ address, processes }: Listener): string {
  return `${processes.length === 0 ? "an unnamed process" : joinNames(processes)} on ${address}`;
}

export function dataFaults({ machine: { name, role }, facts }: ProbedHost): string[] {
  const { dataNodes, surroundings } = facts;
  const own = `rabbit@${name}`;
  if (role !== "broker" || dataNodes.length === 0 || dataNodes.includes(own)) return [];
  const [other = ""] = dataNodes;
  const fault = `${brokerDataFolder} holds the data of ${joinNames(dataNodes)} and none of ${own}`;
  // No cluster takes in data that no stack has made, whatever the broker's name.
  if (!surroundings.isKnown) return [`${fault}; give another machine, or move it away`];
  return [`${fault}; to keep the data, name the broker ${other.replace("rabbit@", "")}; else move it away`];
}

/** @returns what is wrong between the machine's interfaces and the virtual address */
export function virtualAddressFaults({ machine, facts }: ProbedHost, plan: IntendedSetup): string[] {
  const { virtualAddress } = plan;
  if (machine.role === "broker") {
    const held = facts.addresses.find(({ address }) => address === virtualAddress);
    if (held === undefined) return [];
    const remedy = `remove it (ip addr del ${virtualAddress}/${held.prefixLength} dev ${held.device})`;
    return [
      `is a broker and has the virtual address ${virtualAddress} on ${held.device}; ${remedy} or set another`,
    ];
  }
  return vrrpAddressFaults({ machine, facts }, plan);
}

/** @returns that a machine outside the stack answers for the virtual address */
export function addressConflictFaults(
  { facts }: ProbedHost,
  all: readonly ProbedHost[],
  { virtualAddress }: IntendedSetup,
): string[] {
  const { virtualAddressMac } = facts;
  // The holder of the address sees only itself, and its ARP table may still have an earlier holder.
  if (facts.addresses.some(({ address }) => address === virtualAddress)) return [];
  if (virtualAddressMac === undefined || all.some(({ facts: { macs } }) => macs.includes(virtualAddressMac)))
    return [];
  return [
    `the virtual address ${virtualAddress} is taken: ${virtualAddressMac}, none of the stack's machines, answers for it; ` +
      "set a free one",
  ];
}

/** @returns the names that resolve to a wrong address, except loopback addresses: the program corrects those */
export function nameFaults(seen: readonly ProbedHost[], { machines }: IntendedSetup): string[] {
  return machines.flatMap((machine) => {
    const wrong = new Map<string, string[]>();
    for (const { machine: on, facts } of seen) {
      const addresses = facts.resolvedNames
        .filter(({ name }) => name === machine.name)
        .map((each) => each.address);
      if (addresses.includes(machine.address)) continue;
      const others = addresses.filter((address) => !address.startsWith("127."));
      if (others.length > 0) wrong.set(joinNames(others), [...(wrong.get(joinNames(others)) ?? []), on.name]);
    }
    return [...wrong].map(
      ([others, on]) =>
        `${machineLabel(machine)}: its name resolves to ${others} on ${joinNames(on)}; ` +
        "correct /etc/hosts or the DNS there, or the configured address",
    );
  });
}

/** @returns the routers outside the stack that use the virtual router id */
export function routerFaults(
  seen: readonly ProbedHost[],
  { machines, virtualRouterId }: IntendedSetup,
): string[] {
  const own = new Set([
    ...machines.map(({ address }) => address),
    ...seen.flatMap(({ facts }) => facts.addresses.map(({ address }) => address)),
  ]);
  const foreign = new Set(
    seen.flatMap(({ facts }) => facts.advertisingRouters).filter((router) => !own.has(router)),
  );
  return [...foreign].sort().map((router) => {
    const witnesses = seen.filter(({ facts }) => facts.advertisingRouters.includes(router));
    return (
      `${joinNames(witnesses.map(({ machine }) => machineLabel(machine)))}: the virtual router id ${virtualRouterId} is used by ` +
      `${router} on the same network; set another keepalived.virtualRouterId`
    );
  });
}

/** @returns the median; the mean of the middle two for an even count, NaN for an empty list */
function median(numbers: readonly number[]): number {
  const sorted = numbers.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

function mebibytes(kibibytes: number): string {
  return `${Math.floor(kibibytes / 1024)} MiB`;
}
