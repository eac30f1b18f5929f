/** The base image of the lab's hosts. */
import { createHash } from "node:crypto";
import { readTemplate } from "../../templates/render.ts";
import type { OperatingSystem } from "../../hosts/host.ts";

/** The Debian releases that a base image can be built from. */
const suites: Readonly<Partial<Record<OperatingSystem, string>>> = {
  "debian-12": "bookworm",
  "debian-13": "trixie",
};

/** The packages of a bare machine: the system, SSH, and the tools that every Debian server has. */
const basePackages = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "openssh-server",
  "sudo",
  "iproute2",
  "iputils-ping",
  "ca-certificates",
  "curl",
  "procps",
  "python3-minimal",
  "lsof",
] as const;

/** The values of `lab/image.sh`. */
export interface BaseImage {
  /** Its name; it contains a hash of the recipe. */
  readonly image: string;
  /** The Debian release. */
  readonly suite: string;
  readonly packages: readonly string[];
}

/** @returns the base image of a system; Debian 12's if the system has none */
export function baseImageOf(os: OperatingSystem): BaseImage {
  const suite = suites[os] ?? "bookworm";
  const recipe = createHash("sha256").update(readTemplate("lab/image.sh")).update(basePackages.join());
  const image = `localhost/rabbitmq-ha-lab:${suite}-${recipe.digest("hex").slice(0, 12)}`;
  return { image, suite, packages: basePackages };
}
