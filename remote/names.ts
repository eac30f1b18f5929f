/** The names of all hosts of the stack, on one of them. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { Step } from "./step.ts";

export interface HostNamesArgs {
  readonly host: Host;
  /** Every host of the stack. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
}

/**
 * Sets the host's own name and writes the peers' names into a block of /etc/hosts. The rest of the file stays, except
 * lines that give these names another address (Debian's 127.0.1.1 breaks clustering).
 */
export class HostNames extends Step {
  constructor(name: string, { host, peers }: HostNamesArgs, options: pulumi.CustomResourceOptions) {
    const hosts = peers.map((peer) => `${peer.name}=${peer.address}`);
    super(name, { host, subcommand: "names", options: { name: host.name, hosts } }, options);
  }
}
