/** The repositories from which one host's package manager installs the system's packages. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { Step, type StepOptions } from "./step.ts";
import { systems } from "../hosts/systems.ts";

/** @returns the pattern of the URLs that a mirror replaces in the host's own files, and the mirror; empty for none */
export function mirrorSettings({ os, packages }: Pick<Host, "os" | "packages">): {
  readonly archive: string;
  readonly mirror: string;
} {
  const { archive, mirror: systemMirror = "" } = systems[os];
  return { archive, mirror: (packages?.mirror ?? systemMirror).replace(/\/+$/, "") };
}

/** @returns the same, as options of a subcommand */
export function sourceOptions(host: Pick<Host, "os" | "packages">): StepOptions {
  const { installer } = systems[host.os];
  const { archive, mirror } = mirrorSettings(host);
  return { installer, ...(mirror === "" ? {} : { archive, mirror }) };
}

/**
 * Points the system's own sources to the configured mirror, or on CentOS 7 to the vault, since its own sources are gone.
 * The original of each changed file is kept under /var/lib/rabbitmq-ha/sources; without a mirror the originals are put
 * back.
 */
export class Sources extends Step {
  constructor(name: string, { host }: { readonly host: Host }, options: pulumi.CustomResourceOptions) {
    super(name, { host, subcommand: "sources", options: sourceOptions(host) }, options);
  }
}
