/** Where one host's package installer looks for the system's packages. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { Step, type StepOptions } from "./step.ts";
import { systems } from "../hosts/systems.ts";

/** @returns which URLs in the host's own files a mirror stands in for, and the mirror; empty for none */
export function repositories({ os, packages }: Pick<Host, "os" | "packages">): {
  readonly archive: string;
  readonly mirror: string;
} {
  const { archive, mirror: standard = "" } = systems[os];
  return { archive, mirror: (packages?.mirror ?? standard).replace(/\/+$/, "") };
}

/** @returns the same as the options of a subcommand */
export function sourceOptions(host: Pick<Host, "os" | "packages">): StepOptions {
  const { installer } = systems[host.os];
  const { archive, mirror } = repositories(host);
  return { installer, ...(mirror === "" ? {} : { archive, mirror }) };
}

/**
 * Points the system's own sources to the mirror of the configuration, or for CentOS 7 to the vault, since its own are
 * gone. Each file that is changed is kept as it was under /var/lib/rabbitmq-ha/sources; without a mirror, what an
 * earlier one changed is taken back.
 */
export class Sources extends Step {
  constructor(name: string, { host }: { readonly host: Host }, options: pulumi.CustomResourceOptions) {
    super(name, { host, subcommand: "sources", options: sourceOptions(host) }, options);
  }
}
