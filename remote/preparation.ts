/** What is done on an existing machine before anything is installed on it. */
import type * as pulumi from "@pulumi/pulumi";
import { Firewall, type FirewallArgs } from "./firewall.ts";
import { Sources } from "./sources.ts";

/** @returns a resource that is done once packages can be installed and the host's firewall allows the stack's traffic */
export function prepareMachine(args: FirewallArgs, options: pulumi.CustomResourceOptions): pulumi.Resource {
  const { host } = args;
  const sources = new Sources(`${host.name}-sources`, { host }, options);
  return new Firewall(`${host.name}-firewall`, args, { ...options, dependsOn: sources });
}
