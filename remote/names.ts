/** The names of a whole stack, on one of its hosts. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { Script } from "./script.ts";
import { systems } from "./systems.ts";

export interface NamesArgs {
  readonly host: Host;
  /** Every host of the stack. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
}

/**
 * Sets the host's own name and writes the peers' names into a block of /etc/hosts; the rest of the file stays, but
 * for lines that say otherwise of these names (Debian's 127.0.1.1 breaks clustering).
 */
export class Names extends Script {
  constructor(name: string, { host, peers }: NamesArgs, options: pulumi.CustomResourceOptions) {
    const values = {
      name: host.name,
      peers: peers.map((peer) => ({ name: peer.name, address: peer.address })),
      selinux: systems[host.os].selinux,
    };
    super(name, { host, template: "remote/names.sh", values, deadline: 60 }, options);
  }
}
