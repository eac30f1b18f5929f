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

/** @returns true for four decimal numbers with dots, none of them with a leading zero, which some tools read as octal */
export function isIpv4(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text);
}

export function isIpv6(text: string): boolean {
  return ipaddr.IPv6.isValid(text);
}

/** @returns false for an address that no host can have, such as loopback or multicast */
export function isHostAddress(text: string): boolean {
  const unusable = ["unspecified", "broadcast", "multicast", "loopback", "linkLocal"];
  return !unusable.includes(ipaddr.IPv4.parse(text).range());
}

/** @returns the network of a CIDR, whatever its host bits; undefined if the text is no IPv4 CIDR */
export function parseNetwork(cidr: string): Network | undefined {
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

/** @returns the network's first usable address, which is the gateway's in a lab */
export function gatewayAddress(of: Network): string {
  const octets = ipaddr.IPv4.parse(of.first).octets;
  return [...octets.slice(0, 3), (octets[3] ?? 0) + 1].join(".");
}
