/** The Debian packages that make the lab's containers, networks and base images. */
export const labPackages = [
  "podman",
  "runc",
  "netavark",
  "aardvark-dns",
  "iptables",
  "nftables",
  "mmdebstrap",
  "iproute2",
] as const;
