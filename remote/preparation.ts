/** What is done on a machine that is not ours before anything is put on it. */
import type * as pulumi from "@pulumi/pulumi";
import { Firewall, type FirewallArgs } from "./firewall.ts";
import { Sources } from "./sources.ts";

/** @returns the resource that says that packages can be installed and that the host's firewall lets the stack in */
export function prepare(args: FirewallArgs, options: pulumi.CustomResourceOptions): pulumi.Resource {
  const { host } = args;
  const sources = new Sources(`${host.name}-sources`, { host }, options);
  return new Firewall(`${host.name}-firewall`, args, { ...options, dependsOn: sources });
}
