/** The bastion, through which the machines are reached: an existing one, or one that the stack makes. */
import type * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import type { OperatingSystem, SshEndpoint } from "../../hosts/host.ts";
import { awsBastion } from "../../hosts/resource-names.ts";
import { Ready } from "../../remote/ready.ts";
import { getLoginUser } from "./images.ts";
import { makeInstance, type InstanceSettings } from "./machine.ts";
import { aws } from "./sdk.ts";

export interface BastionArgs extends InstanceSettings {
  readonly os: OperatingSystem;
}

/** How to log in to the bastion, and the resources to wait for before that. */
export interface Bastion {
  readonly endpoint: SshEndpoint;
  readonly dependencies: readonly pulumi.Resource[];
}

/** @returns whether the stack makes its own bastion */
export function hasOwnBastion({ network, access }: AwsPlatform): boolean {
  return network.kind === "own" && access.way === "bastion" && access.bastion === undefined;
}

/**
 * @returns undefined if the machines are reached without a bastion
 * @throws Error if the stack's own bastion has no subnet, which the configuration's rules exclude
 */
export function makeBastion(args: BastionArgs, options: pulumi.CustomResourceOptions): Bastion | undefined {
  const { platform, sshKey } = args;
  const { access } = platform;
  if (hasOwnBastion(platform)) return makeOwnBastion(args, options);
  if (access.way !== "bastion" || access.bastion === undefined) return undefined;
  return { endpoint: { ...access.bastion, privateKey: sshKey.privateKey }, dependencies: [] };
}

/** One more instance, with a public address. Only the first step, which installs the program, is done on it. */
function makeOwnBastion(args: BastionArgs, options: pulumi.CustomResourceOptions): Bastion {
  const { os, platform, network, groups, sshKey, tags } = args;
  const subnet = network.publicSubnet;
  if (subnet === undefined)
    throw new Error("the bastion has no subnet, which the configuration's rules exclude");
  const name = awsBastion;
  const networkInterface = new aws.ec2.NetworkInterface(
    `${name}-interface`,
    { subnetId: subnet.id, securityGroups: [groups.groupId("bastion")], tags: tags("bastion") },
    options,
  );
  const { instance, hostKey } = makeInstance(
    { ...args, name, hostName: "bastion", type: platform.types.bastion, networkInterface },
    options,
  );
  const address = new aws.ec2.Eip(
    `${name}-address`,
    { domain: "vpc", networkInterface: networkInterface.id, tags: tags("bastion") },
    { ...options, dependsOn: [...network.dependencies] },
  );
  const user = getLoginUser(os, platform);
  const endpoint = { host: address.publicIp, port: 22, user, privateKey: sshKey.privateKey, hostKey };
  const host = { name, address: "the bastion", os, connection: endpoint, sudo: user !== "root" };
  const ready = new Ready(
    { ...host, identity: instance.id, machine: instance },
    { ...options, dependsOn: [instance, address] },
  );
  return { endpoint, dependencies: [ready] };
}
