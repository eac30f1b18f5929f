/**
 * Rules on the placement of machines in subnets and availability zones. The stack's own VPC is known from the
 * configuration; an existing one is known once the account has been queried.
 */
import { joinNames, type Fault, type Path } from "./faults.ts";
import { parseNetwork } from "../hosts/network.ts";
import type { AwsSubnet } from "./types.ts";

/** How the virtual address is moved from balancer to balancer. */
export type AddressMode = "secondary-ip" | "route";

interface PlacedHost {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
}

export interface Placement {
  /** The VPC's ranges, in CIDR notation. */
  readonly ranges: readonly string[];
  readonly subnets: readonly AwsSubnet[];
  readonly brokers: readonly PlacedHost[];
  readonly balancers: readonly PlacedHost[];
  /** Absent if it has a fault itself. */
  readonly virtualAddress?: string | undefined;
  /** Absent: chosen by the balancers' subnets, see `chooseAddressMode`. */
  readonly mode?: AddressMode | undefined;
}

/** The first four addresses of a subnet, and its last (Amazon VPC User Guide, "Subnet CIDR blocks"). */
const reservedMessage = "one of the five addresses that AWS reserves in each subnet";

function contains(cidr: string, address: string): boolean {
  return parseNetwork(cidr)?.contains(address) ?? false;
}

/** @returns the subnet that contains an address */
export function findSubnet<Subnet extends AwsSubnet>(
  address: string,
  subnets: readonly Subnet[],
): Subnet | undefined {
  return subnets.find(({ cidr }) => contains(cidr, address));
}

function isReserved(address: string, cidr: string): boolean {
  const found = parseNetwork(cidr);
  if (found === undefined) return false;
  // A subnet has at least 16 addresses (/28), so its first four differ in the last number only.
  const [, ...rest] = found.first.split(".").reverse();
  const first = Number(found.first.split(".").at(-1));
  const firstFour = [0, 1, 2, 3].map((offset) => [...rest.toReversed(), first + offset].join("."));
  return [...firstFour, found.last].includes(address);
}

function distinct<Item>(items: readonly (Item | undefined)[]): Item[] {
  return [...new Set(items.filter((item) => item !== undefined))];
}

/** @returns the configured mode, else secondary-ip if all balancers are in one subnet, since it is cheaper and quicker */
export function chooseAddressMode({ mode, balancers, subnets }: Placement): AddressMode {
  const cidrs = distinct(balancers.map(({ address = "" }) => findSubnet(address, subnets)?.cidr));
  return mode ?? (cidrs.length === 1 ? "secondary-ip" : "route");
}

/** @returns every fault, by the key of the configuration that has it */
export function placementFaults(placement: Placement): Fault[] {
  const { brokers, balancers, subnets } = placement;
  const faultsOf = (key: string, hosts: readonly PlacedHost[]): Fault[] =>
    hosts.flatMap(({ address }, index) => addressFaults([key, index, "address"], address, subnets));
  const faults = [...faultsOf("brokers", brokers), ...faultsOf("balancers", balancers)];
  // Zones are only counted if every machine is in one.
  if (faults.length > 0 || [...brokers, ...balancers].some(({ address }) => address === undefined)) {
    return [...faults, ...virtualAddressFaults(placement)];
  }
  return [
    ...brokerZoneFaults(placement),
    ...balancerZoneFaults(placement),
    ...virtualAddressFaults(placement),
  ];
}

function addressFaults(path: Path, address: string | undefined, subnets: readonly AwsSubnet[]): Fault[] {
  if (address === undefined) return [];
  const subnet = findSubnet(address, subnets);
  if (subnet === undefined) {
    const message = `in none of the subnets; write a free address of ${joinNames(
      subnets.map(({ cidr }) => cidr),
      "or",
    )}`;
    return [{ path, value: address, message }];
  }
  if (!isReserved(address, subnet.cidr)) return [];
  return [{ path, value: address, message: `${reservedMessage}; write a free one of ${subnet.cidr}` }];
}

function zonesOf(hosts: readonly PlacedHost[], subnets: readonly AwsSubnet[]): string[] {
  return hosts.flatMap(({ address = "" }) => findSubnet(address, subnets)?.zone ?? []);
}

function brokerZoneFaults({ brokers, subnets }: Placement): Fault[] {
  const zones = zonesOf(brokers, subnets);
  const path = ["brokers"];
  const found = distinct(zones);
  const wantedZones = Math.min(3, brokers.length);
  if (found.length < wantedZones) {
    const message = `in too few availability zones, so the loss of one zone would lose the majority; give them addresses in subnets of ${String(wantedZones)} zones`;
    return [{ path, value: zones, message }];
  }
  const brokersIn = (zone: string): number => zones.filter((each) => each === zone).length;
  const largest = found.find((zone) => brokersIn(zone) * 2 >= zones.length);
  if (largest === undefined || zones.length < 3) return [];
  const message = `${String(brokersIn(largest))} of ${String(zones.length)} are in ${largest}, whose loss would lose the majority; give some of them addresses in another zone`;
  return [{ path, message }];
}

function balancerZoneFaults(placement: Placement): Fault[] {
  const { balancers, subnets, mode } = placement;
  const zones = zonesOf(balancers, subnets);
  const cidrs = distinct(balancers.map(({ address = "" }) => findSubnet(address, subnets)?.cidr));
  const path = ["balancers"];
  if (mode === "secondary-ip" && cidrs.length > 1) {
    const message = `in ${String(cidrs.length)} subnets, and a secondary address cannot leave its subnet; give them addresses in one subnet, or write aws.virtualAddressMode: route`;
    return [{ path, value: zones, message }];
  }
  if (distinct(zones).length > 1 || (cidrs.length === 1 && mode !== "route")) return [];
  const message =
    "in one availability zone, whose loss would lose the virtual address; give them addresses in two zones, or all in one subnet with aws.virtualAddressMode: secondary-ip";
  return [{ path, value: zones, message }];
}

function virtualAddressFaults(placement: Placement): Fault[] {
  const { virtualAddress, balancers, subnets, ranges } = placement;
  // How the address moves is only known if every balancer is in a subnet.
  if (virtualAddress === undefined || zonesOf(balancers, subnets).length < balancers.length) return [];
  const fault = (message: string): Fault[] => [{ path: ["virtualAddress"], value: virtualAddress, message }];
  if (chooseAddressMode(placement) === "route") {
    const range = ranges.find((cidr) => contains(cidr, virtualAddress));
    if (range === undefined) return [];
    return fault(
      `inside the VPC's range ${range}, where routes cannot redirect it; write an address outside, such as 10.255.255.100`,
    );
  }
  const subnet = findSubnet(balancers[0]?.address ?? "", subnets);
  if (subnet === undefined) return [];
  const remedy = `write a free one of ${subnet.cidr}`;
  if (!contains(subnet.cidr, virtualAddress)) return fault(`outside the balancers' subnet; ${remedy}`);
  return isReserved(virtualAddress, subnet.cidr) ? fault(`${reservedMessage}; ${remedy}`) : [];
}
