/** The addresses at which the balancers speak VRRP: each on the virtual address's interface and in its network. */
import { joinNames } from "../../../config/faults.ts";
import { parseNetwork, type Network } from "../../../hosts/network.ts";
import type { HostFacts, InterfaceAddress } from "./probe.ts";
import type { IntendedSetup, ProbeTarget } from "./probe-target.ts";

/** A machine whose probe succeeded. */
interface ProbedHost {
  readonly machine: ProbeTarget;
  readonly facts: Pick<HostFacts, "addresses" | "virtualAddressInterface">;
}

type Plan = Pick<IntendedSetup, "virtualAddress" | "interface" | "prefixLength">;

/** @returns the address of a balancer at which it speaks VRRP; undefined if none is in the virtual address's network */
export function vrrpAddress(probed: ProbedHost, plan: Plan): InterfaceAddress | undefined {
  return ownAddresses(probed, plan).find((inet) => isNeighbour(inet, plan.virtualAddress, plan));
}

/** @returns the balancer's addresses on the virtual address's interface, its configured one first */
function ownAddresses({ machine, facts }: ProbedHost, { virtualAddress }: Plan): InterfaceAddress[] {
  const own = facts.addresses.filter(
    ({ device, address }) => device === facts.virtualAddressInterface && address !== virtualAddress,
  );
  const isConfigured = ({ address }: InterfaceAddress): boolean => address === machine.address;
  return [...own.filter(isConfigured), ...own.filter((inet) => !isConfigured(inet))];
}

/** @returns the network of an address; of one with the prefix 32, as some clouds give them, by the configured prefix */
function networkOf({ address, prefixLength }: InterfaceAddress, plan: Plan): Network | undefined {
  const length = prefixLength === 32 ? (plan.prefixLength ?? 32) : prefixLength;
  return parseNetwork(`${address}/${length}`);
}

/** Whether an address is in the network of another one. With the prefix 32 configured too, nobody states a network. */
function isNeighbour(inet: InterfaceAddress, address: string, plan: Plan): boolean {
  if (inet.prefixLength === 32 && plan.prefixLength === 32) return true;
  return networkOf(inet, plan)?.contains(address) === true;
}

/** @returns what keeps a balancer from speaking VRRP on the virtual address's interface */
export function vrrpAddressFaults(probed: ProbedHost, plan: Plan): string[] {
  const { virtualAddress, interface: stated } = plan;
  const device = probed.facts.virtualAddressInterface;
  if (device === undefined) {
    // Without a stated interface it is the one of the configured address, which another fault is about.
    return stated === undefined
      ? []
      : [`has no interface ${stated}; set keepalived.interface to one that it has`];
  }
  const own = ownAddresses(probed, plan);
  if (own.length === 0) {
    return [
      `has no IPv4 address of its own on ${device}, from which Keepalived could speak to the other balancers; ` +
        `give it one in the network of the virtual address ${virtualAddress}, or set another keepalived.interface`,
    ];
  }
  if (vrrpAddress(probed, plan) !== undefined) return [];
  const [first] = own;
  if (
    first !== undefined &&
    plan.prefixLength === undefined &&
    own.every((inet) => inet.prefixLength === 32)
  ) {
    return [
      `its address on ${device}, ${cidr(first)}, does not say which network the virtual address ${virtualAddress} has to be in; ` +
        "set keepalived.prefixLength to the prefix of the network that the balancers share, such as 24, or to 32 if there is none",
    ];
  }
  const cidrs = joinNames(
    own.flatMap((inet) => networkOf(inet, plan)?.cidr ?? []),
    "or",
  );
  return [
    `the virtual address ${virtualAddress} is not in ${cidrs}, the network of ${device}; ` +
      "set a free address of that network, or another keepalived.interface",
  ];
}

/** @returns the balancers that cannot reach each other within one network, a line for each two */
export function vrrpNetworkFaults(probed: readonly ProbedHost[], plan: Plan): string[] {
  const balancers = probed
    .filter(({ machine }) => machine.role === "balancer")
    .flatMap((each) => {
      const inet = vrrpAddress(each, plan);
      return inet === undefined ? [] : [{ name: each.machine.name, inet }];
    });
  return balancers.flatMap((one, index) =>
    balancers.slice(index + 1).flatMap((other) => {
      const names = `${one.name} and ${other.name}`;
      if (one.inet.address === other.inet.address) {
        return [
          `${names}: both have the address ${one.inet.address} on ${devices(one.inet, other.inet)}; give each its own`,
        ];
      }
      const areNeighbours =
        isNeighbour(one.inet, other.inet.address, plan) && isNeighbour(other.inet, one.inet.address, plan);
      if (areNeighbours) return [];
      return [
        `${names}: their addresses on ${devices(one.inet, other.inet)}, ${cidr(one.inet)} and ${cidr(other.inet)}, ` +
          "are not in one network; give both the same prefix, or set another keepalived.interface",
      ];
    }),
  );
}

function devices(one: InterfaceAddress, other: InterfaceAddress): string {
  return [...new Set([one.device, other.device])].join(" and ");
}

function cidr({ address, prefixLength }: InterfaceAddress): string {
  return `${address}/${prefixLength}`;
}
