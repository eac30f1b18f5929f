/** How a host is reached by SSH: by its private or public address, through the bastion, or through an SSM session. */
import type * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import type { Connection } from "../../hosts/host.ts";
import type { Bastion } from "./bastion.ts";
import type { Network } from "./network.ts";
import { aws } from "./sdk.ts";
import type { MachineEntry } from "./survey.ts";
import type { TagFactory } from "./tags.ts";

export interface PublicAddressArgs {
  readonly machine: MachineEntry;
  readonly networkInterface: aws.ec2.NetworkInterface;
  readonly platform: AwsPlatform;
  readonly network: Network;
  readonly tags: TagFactory;
}

/** @returns the host's public address; undefined if the machines are not reached by public addresses */
export function makePublicAddress(
  { machine: { name }, networkInterface, platform, network, tags }: PublicAddressArgs,
  options: pulumi.CustomResourceOptions,
): aws.ec2.Eip | undefined {
  if (platform.access.way !== "public") return undefined;
  return new aws.ec2.Eip(
    `${name}-address`,
    { domain: "vpc", networkInterface: networkInterface.id, tags: tags(name) },
    { ...options, dependsOn: [...network.dependencies] },
  );
}

export interface ConnectionArgs {
  readonly machine: MachineEntry;
  readonly platform: AwsPlatform;
  /** Absent if the machines are reached without a bastion. */
  readonly bastion: Bastion | undefined;
  /** Absent if the machines are not reached by public addresses. */
  readonly publicAddress: aws.ec2.Eip | undefined;
  readonly user: string;
  readonly privateKey: pulumi.Output<string>;
  /** As a line of authorized_keys. */
  readonly hostKey: pulumi.Output<string>;
}

/** @returns how to log in to a host; by SSM, through the port on this computer that a session forwards */
export function connectionTo(args: ConnectionArgs): Connection {
  const { machine, platform, bastion, publicAddress, user, privateKey, hostKey } = args;
  const { access } = platform;
  const login = { user, privateKey, hostKey };
  if (access.way === "ssm") return { ...login, host: "127.0.0.1", port: access.ports[machine.name] ?? 22 };
  const proxy = bastion === undefined ? {} : { proxy: bastion.endpoint };
  return { ...login, host: publicAddress?.publicIp ?? machine.address, port: 22, ...proxy };
}
