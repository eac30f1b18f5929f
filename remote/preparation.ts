/** What is done on an existing machine before anything is installed on it. */
import type * as pulumi from "@pulumi/pulumi";
import { Firewall, type FirewallArgs } from "./firewall.ts";
import { Owner, type OwnerArgs } from "./owner.ts";
import { Sources } from "./sources.ts";

export interface PreparationArgs extends FirewallArgs {
  /** The stack whose mark the machine gets. @default no mark: the stack has made the machine itself */
  readonly owner?: Omit<OwnerArgs, "host" | "role">;
}

/** @returns a resource that is done once packages can be installed and the host's firewall allows the stack's traffic */
export function prepareMachine(
  { owner, ...args }: PreparationArgs,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const { host, role } = args;
  const mark = owner && new Owner(`${host.name}-owner`, { host, role, ...owner }, options);
  const sources = new Sources(
    `${host.name}-sources`,
    { host },
    { ...options, ...(mark === undefined ? {} : { dependsOn: mark }) },
  );
  return new Firewall(`${host.name}-firewall`, args, { ...options, dependsOn: sources });
}
