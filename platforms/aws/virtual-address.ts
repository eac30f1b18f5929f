/** The virtual address in a VPC, which does not learn from ARP where it is: its routes, and what a balancer needs to move it (agent/steps/move_address.py). */
import * as pulumi from "@pulumi/pulumi";
import type { AddressMove, HostRole, OperatingSystem } from "../../hosts/host.ts";
import { systems } from "../../hosts/systems.ts";
import { currentProgramFolder } from "../../remote/program.ts";
import { render } from "../../templates/render.ts";
import type { Network } from "./network.ts";
import { aws } from "./sdk.ts";

export interface AddressRoutesArgs {
  readonly virtualAddress: string;
  readonly network: Network;
  readonly machines: readonly {
    readonly role: HostRole;
    readonly networkInterface: aws.ec2.NetworkInterface;
  }[];
}

/**
 * Routes the virtual address to the first balancer; later Keepalived moves the routes.
 *
 * @returns one route for each route table; none if the virtual address is a secondary address
 */
export function makeAddressRoutes(
  { virtualAddress, network, machines }: AddressRoutesArgs,
  options: pulumi.CustomResourceOptions,
): readonly pulumi.Resource[] {
  const firstBalancer = machines.find(({ role }) => role === "balancer");
  if (firstBalancer === undefined) return [];
  return network.routeTables.map(
    ({ name, id }) =>
      new aws.ec2.Route(
        `aws-address-${name}`,
        {
          routeTableId: id,
          destinationCidrBlock: `${virtualAddress}/32`,
          networkInterfaceId: firstBalancer.networkInterface.id,
        },
        { ...options, ignoreChanges: ["networkInterfaceId"], deleteBeforeReplace: true },
      ),
  );
}

export interface AddressMoveArgs {
  readonly virtualAddress: string;
  readonly os: OperatingSystem;
  readonly region: string;
  /** The name of the balancer's network interface on the host. */
  readonly device: string;
  /** The same interface in the account. */
  readonly networkInterface: aws.ec2.NetworkInterface;
  readonly network: Network;
}

/** @returns what Keepalived runs after it has set the virtual address on a balancer */
export function makeAddressMove(args: AddressMoveArgs): AddressMove {
  const { virtualAddress, os, region, device, networkInterface, network } = args;
  const fixed = ["move-address", "--address", virtualAddress, "--interface", device, "--region", region];
  if (systems[os].hasOldAwsCli === true) fixed.push("--old-aws-cli");
  const routeTables = network.routeTables.map(({ id }) => id);
  const script = pulumi.output({ here: networkInterface.id, routeTables }).apply((plain) => {
    const tables = plain.routeTables.length === 0 ? [] : ["--route-tables", plain.routeTables.join(",")];
    const all = [...fixed, "--network-interface", plain.here, ...tables];
    const list = all.map((arg) => JSON.stringify(arg)).join(", ");
    return render("aws/move-address", { program: currentProgramFolder, words: `[${list}]` });
  });
  return { script, packageRoles: ["awscli"] };
}
