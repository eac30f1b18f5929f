/** What the lab's containers, networks and base images are made with: names of Debian packages. */
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
