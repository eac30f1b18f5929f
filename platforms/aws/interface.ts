/** The network interface of a host. It is kept when the host's instance is replaced. */
import type * as pulumi from "@pulumi/pulumi";
import type { SecurityGroups } from "./groups.ts";
import { requireSubnet, type Network } from "./network.ts";
import { aws } from "./sdk.ts";
import type { MachineEntry } from "./survey.ts";
import type { TagFactory } from "./tags.ts";

export interface InterfaceArgs {
  readonly machine: MachineEntry;
  readonly network: Network;
  readonly groups: SecurityGroups;
  readonly tags: TagFactory;
}

/**
 * An interface with a fixed address; a replaced instance gets it again. The address is part of the resource's name, so
 * a changed address makes another interface. Changes of its addresses are ignored, since the virtual address moves.
 *
 * @throws Error if the address is in no subnet, which the survey excludes
 */
export function makeInterface(
  { machine: { name, address, role }, network, groups, tags }: InterfaceArgs,
  options: pulumi.CustomResourceOptions,
): aws.ec2.NetworkInterface {
  // A balancer accepts packets for a routed virtual address, which AWS has not assigned to its interface.
  const acceptsForeignAddresses = role === "balancer" && network.mode === "route";
  return new aws.ec2.NetworkInterface(
    `${name}-interface-${address}`,
    {
      subnetId: requireSubnet(address, network).id,
      privateIps: [address],
      securityGroups: [groups.groupId(`${role}s`)],
      sourceDestCheck: !acceptsForeignAddresses,
      description: name,
      tags: tags(name),
    },
    { ...options, ignoreChanges: ["privateIps", "privateIpsCount"] },
  );
}
