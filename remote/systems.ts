/** What differs between the systems that a host can run. Adding one fails to compile until its row is complete. */
import type { OperatingSystem } from "../platforms/host.ts";

export interface System {
  /** A shell pattern of ID-VERSION_ID in /etc/os-release. */
  readonly release: string;
}

export const systems: Readonly<Record<OperatingSystem, System>> = {
  "debian-12": { release: "debian-12" },
  "debian-13": { release: "debian-13" },
  "centos-7": { release: "centos-7" },
  "rocky-8": { release: "rocky-8*|almalinux-8*" },
  "rocky-9": { release: "rocky-9*|almalinux-9*" },
  "ubuntu-24.04": { release: "ubuntu-24.04" },
};
