/**
 * Where machines stand in a VPC, and whether they stand well. Of a VPC of the stack's own this is known from the
 * configuration; of one that is there already, once the account has been asked.
 */
import { listed, type Fault, type Path } from "./faults.ts";
import { network } from "../hosts/network.ts";
import type { AwsSubnet } from "./types.ts";

/** How the virtual address moves from balancer to balancer. */
export type AddressMode = "secondary-ip" | "route";

interface Placed {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
}

export interface Placement {
  /** The VPC's ranges, in CIDR notation. */
  readonly ranges: readonly string[];
  readonly subnets: readonly AwsSubnet[];
  readonly brokers: readonly Placed[];
  readonly balancers: readonly Placed[];
  /** Absent: it has a fault of its own. */
  readonly virtualAddress?: string | undefined;
  /** Absent: the one that fits the balancers' subnets. */
  readonly mode?: AddressMode | undefined;
}

/** The first four addresses of a subnet, and its last (Amazon VPC User Guide, "Subnet CIDR blocks"). */
const reservedWords = "one of the five that AWS keeps for itself in each subnet";

function contains(cidr: string, address: string): boolean {
  return network(cidr)?.contains(address) ?? false;
}

/** @returns the subnet that an address belongs to */
export function subnetOf<Subnet extends AwsSubnet>(
  address: string,
  subnets: readonly Subnet[],
): Subnet | undefined {
  return subnets.find(({ cidr }) => contains(cidr, address));
}

function isReserved(address: string, cidr: string): boolean {
  const found = network(cidr);
  if (found === undefined) return false;
  // A subnet is a /28 at least, so its first four addresses differ in the last number alone.
  const [, ...rest] = found.first.split(".").reverse();
  const first = Number(found.first.split(".").at(-1));
  const kept = [0, 1, 2, 3].map((offset) => [...rest.toReversed(), first + offset].join("."));
  return [...kept, found.last].includes(address);
}

function distinct<Item>(items: readonly (Item | undefined)[]): Item[] {
  return [...new Set(items.filter((item) => item !== undefined))];
}

/** @returns the mode that was asked for, or the one that fits: one subnet has the cheaper and quicker one */
export function addressMode({ mode, balancers, subnets }: Placement): AddressMode {
  const cidrs = distinct(balancers.map(({ address = "" }) => subnetOf(address, subnets)?.cidr));
  return mode ?? (cidrs.length === 1 ? "secondary-ip" : "route");
}

/** @returns every fault, in the words of the configuration */
export function placementFaults(placement: Placement): Fault[] {
  const { brokers, balancers, subnets } = placement;
  const at = (key: string, hosts: readonly Placed[]): Fault[] =>
    hosts.flatMap(({ address }, index) => placeFaults([key, index, "address"], address, subnets));
  const faults = [...at("brokers", brokers), ...at("balancers", balancers)];
  // Zones are counted only where every machine stands in one.
  if (faults.length > 0 || [...brokers, ...balancers].some(({ address }) => address === undefined)) {
    return [...faults, ...virtualAddressFaults(placement)];
  }
  return [
    ...brokerZoneFaults(placement),
    ...balancerZoneFaults(placement),
    ...virtualAddressFaults(placement),
  ];
}

function placeFaults(path: Path, address: string | undefined, subnets: readonly AwsSubnet[]): Fault[] {
  if (address === undefined) return [];
  const subnet = subnetOf(address, subnets);
  if (subnet === undefined) {
    const words = `in none of the subnets; write a free one of ${listed(
      subnets.map(({ cidr }) => cidr),
      "or",
    )}`;
    return [{ path, value: address, words }];
  }
  if (!isReserved(address, subnet.cidr)) return [];
  return [{ path, value: address, words: `${reservedWords}; write a free one of ${subnet.cidr}` }];
}

function zonesOf(hosts: readonly Placed[], subnets: readonly AwsSubnet[]): string[] {
  return hosts.flatMap(({ address = "" }) => subnetOf(address, subnets)?.zone ?? []);
}

function brokerZoneFaults({ brokers, subnets }: Placement): Fault[] {
  const zones = zonesOf(brokers, subnets);
  const path = ["brokers"];
  const found = distinct(zones);
  const wanted = Math.min(3, brokers.length);
  if (found.length < wanted) {
    const words = `in too few availability zones, and the loss of one would take the majority along; give them addresses in subnets of ${String(wanted)} zones`;
    return [{ path, value: zones, words }];
  }
  const held = (zone: string): number => zones.filter((each) => each === zone).length;
  const crowded = found.find((zone) => held(zone) * 2 >= zones.length);
  if (crowded === undefined || zones.length < 3) return [];
  const words = `${String(held(crowded))} of ${String(zones.length)} in ${crowded}, whose loss would take the majority along; give some an address in another zone`;
  return [{ path, words }];
}

function balancerZoneFaults(placement: Placement): Fault[] {
  const { balancers, subnets, mode } = placement;
  const zones = zonesOf(balancers, subnets);
  const cidrs = distinct(balancers.map(({ address = "" }) => subnetOf(address, subnets)?.cidr));
  const path = ["balancers"];
  if (mode === "secondary-ip" && cidrs.length > 1) {
    const words = `in ${String(cidrs.length)} subnets, and a secondary address cannot leave its own; give them addresses in one subnet, or write aws.virtualAddressMode: route`;
    return [{ path, value: zones, words }];
  }
  if (distinct(zones).length > 1 || (cidrs.length === 1 && mode !== "route")) return [];
  const words =
    "in one availability zone, whose loss would take the virtual address along; give them addresses in two zones, or all in one subnet with aws.virtualAddressMode: secondary-ip";
  return [{ path, value: zones, words }];
}

function virtualAddressFaults(placement: Placement): Fault[] {
  const { virtualAddress, balancers, subnets, ranges } = placement;
  // A balancer that stands nowhere says nothing of how the address moves.
  if (virtualAddress === undefined || zonesOf(balancers, subnets).length < balancers.length) return [];
  const fault = (words: string): Fault[] => [{ path: ["virtualAddress"], value: virtualAddress, words }];
  if (addressMode(placement) === "route") {
    const range = ranges.find((cidr) => contains(cidr, virtualAddress));
    if (range === undefined) return [];
    return fault(
      `inside the VPC's range ${range}, where no route can lead it elsewhere; write one outside, such as 10.255.255.100`,
    );
  }
  const subnet = subnetOf(balancers[0]?.address ?? "", subnets);
  if (subnet === undefined) return [];
  const remedy = `write a free one of ${subnet.cidr}`;
  if (!contains(subnet.cidr, virtualAddress)) return fault(`outside the balancers' subnet; ${remedy}`);
  return isReserved(virtualAddress, subnet.cidr) ? fault(`${reservedWords}; ${remedy}`) : [];
}
