/** Where HAProxy has its files on a balancer. */
export const haproxyConfigFile = "/etc/haproxy/haproxy.cfg";

/** The tutorial's paths when it is compiled, else those that all packages use. */
export const haproxyInstallPaths = {
  source: { binary: "/usr/local/haproxy/sbin/haproxy", chroot: "/usr/local/haproxy" },
  package: { binary: "/usr/sbin/haproxy", chroot: "/var/lib/haproxy" },
} as const;
