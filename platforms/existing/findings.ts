/** What is wrong with machines that have been looked at, in words: pure functions of what was seen. */
import { listed } from "../../config/faults.ts";
import { network } from "../../hosts/network.ts";
import { refusal } from "./refusals.ts";
import { distributionPort, epmdPort } from "../../hosts/ports.ts";
import { type Listener, type Look, type Machine, type Plan, type Sight } from "./probe.ts";

/** A machine that could be looked at. */
export interface Seen {
  readonly machine: Machine;
  readonly sight: Sight;
}

/** Seconds. Beyond, the logs of several machines cannot be read side by side, and certificates run out here and not there. */
const largestSkew = 5;

/**
 * KiB. The packages and their downloads take some hundred MiB; a broker keeps its messages there too, and stops taking
 * them before the disk is full (https://www.rabbitmq.com/docs/disk-alarms).
 */
const leastDisk = { broker: 2 * 1024 ** 2, balancer: 512 * 1024 } as const;

/**
 * KiB. An idle broker takes 135 MB and blocks publishers at 40 % of the machine's memory
 * (https://www.rabbitmq.com/docs/memory); a balancer holds little more than its connections.
 */
const leastMemory = { broker: 512 * 1024, balancer: 200 * 1024 } as const;

/** That of CentOS 7, the oldest system that the program knows. */
const leastSystemd = 219;

/** @returns a line for each fault, by machine in the configuration's order, then what concerns several */
export function findings(looks: readonly Look[], plan: Plan): string[] {
  const seen = looks.flatMap(({ machine, outcome }) =>
    outcome instanceof Error || "sudo" in outcome ? [] : [{ machine, sight: outcome }],
  );
  const middle = median(seen.map(({ sight }) => sight.clock));
  const complete = seen.length === looks.length;
  const lines = looks.flatMap((each) => {
    const one = seen.find(({ machine }) => machine === each.machine);
    if (one === undefined) return refusal(each);
    const faults = [
      ...[...systemFaults(one, plan), ...clockFaults(one, middle), ...roomFaults(one), ...addressFaults(one)],
      ...[...portFaults(one, plan), ...dataFaults(one), ...virtualAddressFaults(one, plan)],
      // Whose MAC it is can only be said where every machine has shown its own.
      ...(complete ? strangerFaults(one, seen, plan) : []),
    ];
    return faults.map((words) => `${title(each.machine)}: ${words}`);
  });
  return [...new Set([...lines, ...nameFaults(seen, plan), ...routerFaults(seen, plan)])];
}

export function title({ name, address }: Pick<Machine, "name" | "address">): string {
  return `${name} (${address})`;
}

export function systemFaults({ sight }: Seen, { os }: Plan): string[] {
  const { system, fits, systemd } = sight;
  const faults = fits
    ? []
    : [`runs ${system}, and os is ${os}; state the system that it runs, or give another machine`];
  if (systemd === undefined) return [...faults, "is not run by systemd; give a machine that is"];
  if (systemd >= leastSystemd) return faults;
  return [...faults, `has systemd ${systemd}; give a machine with ${leastSystemd} or newer`];
}

/** @param middle the median of all clocks, in seconds */
export function clockFaults({ sight: { clock } }: Seen, middle: number): string[] {
  const ahead = clock - middle;
  // A clock that could not be read compares with nothing.
  if (!(Math.abs(ahead) > largestSkew)) return [];
  const direction = ahead > 0 ? "ahead of" : "behind";
  const others = `its clock is ${Math.round(Math.abs(ahead))} s ${direction} the middle of all machines' clocks`;
  return [`${others}; set it, and keep it right by NTP (chrony or systemd-timesyncd)`];
}

/** Of a broker that is set up already, only its own alarms judge the room: to change its settings may be the cure. */
export function roomFaults({ machine: { name, role }, sight: { disk, memory, data } }: Seen): string[] {
  if (data.includes(`rabbit@${name}`)) return [];
  const disks = [`has ${mebibytes(disk)} free below /var, and a ${role} needs`, mebibytes(leastDisk[role])];
  const memories = [`has ${mebibytes(memory)} of memory, and a ${role} needs`, mebibytes(leastMemory[role])];
  return [
    ...(disk < leastDisk[role] ? [`${disks.join(" ")}; make room there`] : []),
    ...(memory < leastMemory[role] ? [`${memories.join(" ")}; give it more`] : []),
  ];
}

export function addressFaults({ machine: { address }, sight: { inets } }: Seen): string[] {
  if (inets.some((inet) => inet.address === address)) return [];
  const others = inets.filter((inet) => !inet.address.startsWith("127."));
  const words = listed(others.map((inet) => `${inet.address} on ${inet.device}`));
  return [
    `has the address on none of its interfaces (it has ${words === "" ? "none" : words}); state one that it has itself: ` +
      "one that is translated on the way does not serve the other machines",
  ];
}

interface Claim {
  readonly port: number;
  readonly setting?: string;
  readonly owners: readonly string[];
  /** The only address that it is bound to. @default every one */
  readonly on?: string;
}

function claims({ role, address }: Machine, { ports, statsPort }: Plan): Claim[] {
  const owners = role === "broker" ? ["beam.smp"] : ["haproxy"];
  const amqp = { port: ports.amqp, setting: "rabbitmq.ports.amqp", owners };
  const management = { port: ports.management, setting: "rabbitmq.ports.management", owners };
  if (role === "balancer") {
    const stats = { port: statsPort, setting: "haproxy.statsPort", owners, on: address };
    return [amqp, management, stats];
  }
  return [
    ...[amqp, management, { port: ports.prometheus, setting: "rabbitmq.ports.prometheus", owners }],
    // Debian's epmd is started by a socket of systemd's; one that nobody can be seen to hold counts as the broker's.
    { port: epmdPort, owners: ["epmd", "systemd", "beam.smp"] },
    { port: distributionPort, owners },
  ];
}

const anyAddress = ["*", "0.0.0.0", "[::]", "::"];

export function portFaults({ machine, sight: { listeners } }: Seen, plan: Plan): string[] {
  return claims(machine, plan).flatMap(({ port, setting, owners, on }) => {
    const strangers = listeners.filter(
      (each) =>
        each.port === port &&
        (on === undefined || [...anyAddress, on].includes(each.address)) &&
        !each.processes.some((name) => owners.includes(name)),
    );
    if (strangers.length === 0) return [];
    const holders = listed([...new Set(strangers.map(holder))]);
    const other = setting === undefined ? "" : `, or set another ${setting}`;
    return [`port ${port} is taken by ${holders}; stop and disable it${other}`];
  });
}

function holder({ address, processes }: Listener): string {
  return `${processes.length === 0 ? "a process without a name" : listed(processes)} on ${address}`;
}

export function dataFaults({ machine: { name, role }, sight: { data } }: Seen): string[] {
  const own = `rabbit@${name}`;
  if (role !== "broker" || data.length === 0 || data.includes(own)) return [];
  const [other = ""] = data;
  return [
    `/var/lib/rabbitmq/mnesia holds the data of ${listed(data)} and none of ${own}; ` +
      `name the broker ${other.replace("rabbit@", "")} if the data is to be kept, else move it away`,
  ];
}

/** What a machine's own interfaces have to do with the virtual address. */
export function virtualAddressFaults({ machine, sight }: Seen, plan: Plan): string[] {
  const { virtualAddress } = plan;
  if (machine.role === "broker") {
    const held = sight.inets.find(({ address }) => address === virtualAddress);
    if (held === undefined) return [];
    const remedy = `take it off (ip addr del ${virtualAddress}/${held.prefixLength} dev ${held.device})`;
    return [
      `is a broker and has the virtual address ${virtualAddress} on ${held.device}; ${remedy} or state another`,
    ];
  }
  if (plan.interface !== undefined && sight.device === undefined) {
    return [`has no interface ${plan.interface}; state one that it has in keepalived.interface`];
  }
  const own = sight.inets.filter(
    ({ device, address }) => device === sight.device && address !== virtualAddress,
  );
  const networks = own.flatMap((inet) => network(`${inet.address}/${inet.prefixLength}`) ?? []);
  if (networks.length === 0 || networks.some((each) => each.contains(virtualAddress))) return [];
  const cidrs = listed(
    networks.map(({ cidr }) => cidr),
    "or",
  );
  return [
    `the virtual address ${virtualAddress} is not in ${cidrs}, the network of ${sight.device ?? ""}; ` +
      "state a free address of it, or another keepalived.interface",
  ];
}

/** Who answers for the virtual address, and is none of the stack's machines. */
export function strangerFaults({ sight }: Seen, all: readonly Seen[], { virtualAddress }: Plan): string[] {
  const { neighbour } = sight;
  // Its holder hears nobody but itself, and may remember who had the address before.
  if (sight.inets.some(({ address }) => address === virtualAddress)) return [];
  if (neighbour === undefined || all.some(({ sight: { macs } }) => macs.includes(neighbour))) return [];
  return [
    `the virtual address ${virtualAddress} is taken: ${neighbour}, none of the stack's machines, answers for it; ` +
      "state a free one",
  ];
}

/** The names that resolve to another address than the stated one; those of the loopback network the program mends. */
export function nameFaults(seen: readonly Seen[], { machines }: Plan): string[] {
  return machines.flatMap((machine) => {
    const wrong = new Map<string, string[]>();
    for (const { machine: on, sight } of seen) {
      const addresses = sight.names.filter(({ name }) => name === machine.name).map((each) => each.address);
      if (addresses.includes(machine.address)) continue;
      const others = addresses.filter((address) => !address.startsWith("127."));
      if (others.length > 0) wrong.set(listed(others), [...(wrong.get(listed(others)) ?? []), on.name]);
    }
    return [...wrong].map(
      ([others, on]) =>
        `${title(machine)}: its name resolves to ${others} on ${listed(on)}; ` +
        "correct /etc/hosts or the DNS there, or the address that is stated",
    );
  });
}

/** Those who use the virtual router id already, and are none of the stack's machines. */
export function routerFaults(seen: readonly Seen[], { machines, virtualRouterId }: Plan): string[] {
  const own = new Set(machines.map(({ address }) => address));
  const strangers = new Set(seen.flatMap(({ sight }) => sight.routers).filter((router) => !own.has(router)));
  return [...strangers].sort().map((stranger) => {
    const hearers = seen.filter(({ sight }) => sight.routers.includes(stranger));
    return (
      `${listed(hearers.map(({ machine }) => title(machine)))}: the virtual router id ${virtualRouterId} is used by ` +
      `${stranger} on the same network; set another keepalived.virtualRouterId`
    );
  });
}

/** @returns of an even number the mean of the middle two; NaN of none */
function median(numbers: readonly number[]): number {
  const sorted = numbers.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

function mebibytes(kibibytes: number): string {
  return `${Math.floor(kibibytes / 1024)} MiB`;
}
