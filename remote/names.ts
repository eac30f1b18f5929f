/** The names of a whole stack, on one of its hosts. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { Step } from "./step.ts";

export interface NamesArgs {
  readonly host: Host;
  /** Every host of the stack. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
}

/**
 * Sets the host's own name and writes the peers' names into a block of /etc/hosts; the rest of the file stays, but
 * for lines that say otherwise of these names (Debian's 127.0.1.1 breaks clustering).
 */
export class Names extends Step {
  constructor(name: string, { host, peers }: NamesArgs, options: pulumi.CustomResourceOptions) {
    const hosts = peers.map((peer) => `${peer.name}=${peer.address}`);
    super(name, { host, subcommand: "names", options: { name: host.name, hosts } }, options);
  }
}
