/** How systemd runs HAProxy: what differs between HAProxy's versions and between the systems' packages. */
import { haproxyInstallPaths } from "../hosts/haproxy-paths.ts";
import type { OperatingSystem } from "../hosts/host.ts";
import { systemdValues, systems, type SystemdValues } from "../hosts/systems.ts";

/** The values that the templates of HAProxy's unit and drop-in have in common. */
export interface HaproxyUnitValues extends SystemdValues {
  readonly binary: string;
  readonly chroot: string;
  /** The variable of the unit's command line that takes further options, and the options that are always in it. */
  readonly variable: string;
  readonly options: string;
  /** Whether the unit has a runtime directory and /dev/log in the chroot, and no file that overrides Environment=. */
  readonly complete: boolean;
}

/** @returns how systemd runs HAProxy on a system: the package's, or the given version compiled from source */
export function haproxyUnitValues(os: OperatingSystem, version?: string): HaproxyUnitValues {
  const common = systemdValues(os);
  if (version === undefined) return { ...common, ...haproxyInstallPaths.package, ...systems[os].haproxy };
  // The master's own socket came with 1.9 (doc/management.txt of that version, -S).
  const options = atLeast(version, 1, 9) ? "-S /run/haproxy-master.sock " : "";
  return { ...common, ...haproxyInstallPaths.source, variable: "EXTRAOPTS", options, complete: true };
}

/** What differs between versions in how HAProxy is compiled and started. */
export interface HaproxyBuildValues {
  /** The Makefile's name for the system: `linux-glibc` since 2.0, before that by the kernel's version (its INSTALL). */
  readonly target: "linux-glibc" | "linux2628";
  /** Whether HAProxy itself notifies systemd (-Ws, since 1.8); older versions are started by haproxy-systemd-wrapper. */
  readonly notifies: boolean;
}

/** @returns how to compile and start a version */
export function haproxyBuildValues(version: string): HaproxyBuildValues {
  return {
    target: atLeast(version, 2, 0) ? "linux-glibc" : "linux2628",
    notifies: atLeast(version, 1, 8),
  };
}

function atLeast(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split(".").map(Number);
  return first > major || (first === major && second >= minor);
}
