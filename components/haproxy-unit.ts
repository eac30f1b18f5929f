/** What differs between HAProxy's versions, and between the packages of the systems, in how systemd runs it. */
import type { OperatingSystem } from "../hosts/host.ts";
import { oldSystemd, systems } from "../hosts/systems.ts";

/** Where HAProxy lies: as the tutorial has it when it is compiled, else as every package does. */
const places = {
  source: { binary: "/usr/local/haproxy/sbin/haproxy", chroot: "/usr/local/haproxy" },
  package: { binary: "/usr/sbin/haproxy", chroot: "/var/lib/haproxy" },
};

/** What the templates of HAProxy's unit, drop-in and build are rendered with, next to what they are about. */
export interface HaproxyUnit {
  readonly binary: string;
  readonly chroot: string;
  /** The variable of the unit's command line that takes further options, and those that are always there. */
  readonly variable: string;
  readonly options: string;
  /** Whether the unit itself has a runtime directory and /dev/log in the chroot, and no file over Environment=. */
  readonly complete: boolean;
  readonly oldSystemd: boolean;
}

/** @returns how HAProxy is run on a system: the package's, or the given version from source */
export function haproxyUnit(os: OperatingSystem, version?: string): HaproxyUnit {
  const common = { oldSystemd: oldSystemd(os) };
  if (version === undefined) return { ...common, ...places.package, ...systems[os].haproxy };
  // The master's own socket came with 1.9 (doc/management.txt of that version, -S).
  const options = atLeast(version, 1, 9) ? "-S /run/haproxy-master.sock " : "";
  return { ...common, ...places.source, variable: "EXTRAOPTS", options, complete: true };
}

/** What differs between versions when HAProxy is compiled and then started. */
export interface HaproxyBuild {
  /** The Makefile's name for the system: `linux-glibc` since 2.0, before that by the kernel's version (its INSTALL). */
  readonly target: "linux-glibc" | "linux2628";
  /** Whether it tells systemd by itself that it runs (-Ws, since 1.8); before, haproxy-systemd-wrapper starts it. */
  readonly notifies: boolean;
}

/** @returns what to build a version with */
export function haproxyBuild(version: string): HaproxyBuild {
  return {
    target: atLeast(version, 2, 0) ? "linux-glibc" : "linux2628",
    notifies: atLeast(version, 1, 8),
  };
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split(".").map(Number);
  return first > major || (first === major && second >= minor);
}
