/** Arithmetic on IPv4 addresses and networks. */
import ipaddr from "ipaddr.js";

export interface Network {
  /** In CIDR notation, host bits zero. */
  readonly cidr: string;
  readonly prefixLength: number;
  readonly first: string;
  readonly last: string;
  contains(address: string): boolean;
}

/** @returns true for four decimal numbers with dots; forms that some tools read as octal are none */
export function isIpv4(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text);
}

export function isIpv6(text: string): boolean {
  return ipaddr.IPv6.isValid(text);
}

/** @returns true unless the address is of a kind that no host can have, such as loopback or multicast */
export function isHostAddress(text: string): boolean {
  const unusable = ["unspecified", "broadcast", "multicast", "loopback", "linkLocal"];
  return !unusable.includes(ipaddr.IPv4.parse(text).range());
}

/** @returns the network that a CIDR names, whatever its host bits; undefined when it is no IPv4 CIDR */
export function network(cidr: string): Network | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  const [, prefixLength] = ipaddr.IPv4.parseCIDR(cidr);
  const first = ipaddr.IPv4.networkAddressFromCIDR(cidr);
  return {
    cidr: `${first.toString()}/${String(prefixLength)}`,
    prefixLength,
    first: first.toString(),
    last: ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString(),
    contains: (address) => ipaddr.IPv4.parse(address).match(first, prefixLength),
  };
}

/** @returns the address right after the network's own, which a lab's network gives to its gateway */
export function gateway(of: Network): string {
  const octets = ipaddr.IPv4.parse(of.first).octets;
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join(".");
}
