/** Packages on one host, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { Script } from "./script.ts";

export interface PackagesArgs {
  readonly host: Host;
  readonly names: readonly string[];
}

/**
 * Installs what is missing, from the host's own sources, without starting a service: the program starts each one
 * itself, once it is configured. What is installed already stays at its version.
 */
export class Packages extends Script {
  constructor(name: string, { host, names }: PackagesArgs, options: pulumi.CustomResourceOptions) {
    super(
      name,
      // One lock for the host: two installations at a time would wait for each other half-way.
      { host, template: "remote/packages.sh", values: { names }, deadline: 900, lock: "packages" },
      options,
    );
  }
}
