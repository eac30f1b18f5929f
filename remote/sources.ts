/** Where one host's package installer looks for the system's packages. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { Script } from "./script.ts";
import { systems } from "./systems.ts";

/**
 * @returns the values of templates/remote/repositories: which URLs in the host's own files a mirror stands in for
 */
export function repositories({ os, packages }: Pick<Host, "os" | "packages">): {
  readonly archive: string;
  readonly mirror: string;
} {
  const { archive, mirror: standard = "" } = systems[os];
  return { archive, mirror: (packages?.mirror ?? standard).replace(/\/+$/, "") };
}

/**
 * Points the system's own sources to the mirror of the configuration, or for CentOS 7 to the vault, since its own are
 * gone. Each file that is changed is kept as it was under /var/lib/rabbitmq-ha/sources; without a mirror, what an
 * earlier one changed is taken back.
 */
export class Sources extends Script {
  constructor(name: string, { host }: { readonly host: Host }, options: pulumi.CustomResourceOptions) {
    const { installer } = systems[host.os];
    const template = installer === "apt" ? "remote/sources-apt.sh" : "remote/sources-rpm.sh";
    super(name, { host, template, values: repositories(host), lock: "packages" }, options);
  }
}
