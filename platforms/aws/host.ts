/** One machine as a host: its instance, the way to reach it, and what is done on it before any software is installed. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host, HostRole, OperatingSystem, PackageSources } from "../../hosts/host.ts";
import type { FirewallArgs } from "../../remote/firewall.ts";
import { prepareMachine } from "../../remote/preparation.ts";
import { makeReady, readyAfter } from "../../remote/ready.ts";
import { Step } from "../../remote/step.ts";
import type { Bastion } from "./bastion.ts";
import { connectionTo, makePublicAddress } from "./connection.ts";
import { mountDataVolume } from "./data-volume.ts";
import { getImage, getLoginUser } from "./images.ts";
import { makeInstance, type Instance, type InstanceSettings } from "./machine.ts";
import { requireSubnet } from "./network.ts";
import { makeProfile } from "./roles.ts";
import type { aws } from "./sdk.ts";
import type { MachineEntry } from "./survey.ts";
import { makeAddressMove } from "./virtual-address.ts";

export interface HostArgs
  extends InstanceSettings, Pick<FirewallArgs, "frontends" | "statsPort" | "agentPort" | "metrics"> {
  readonly machine: MachineEntry;
  readonly networkInterface: aws.ec2.NetworkInterface;
  /** All machines of the stack, including this one. */
  readonly machines: readonly MachineEntry[];
  readonly os: OperatingSystem;
  readonly packages: PackageSources;
  readonly virtualAddress: string;
  /** The name of the network interface on the host. @default the name in the system's image */
  readonly interface?: string;
  /** Absent if the machines are reached without a bastion. */
  readonly bastion: Bastion | undefined;
  /** The machine that changes before this one. @default none */
  readonly after?: readonly pulumi.Resource[];
  /** The routes to the virtual address; the host waits for them. */
  readonly addressRoutes: readonly pulumi.Resource[];
}

/**
 * @returns the host; it is ready once packages can be installed on it
 * @throws Error if its address is in no subnet, which the survey excludes; or if its system has no image, which the
 * configuration's rules exclude
 */
export function makeHost(args: HostArgs, options: pulumi.CustomResourceOptions): Host {
  const { machine, os, platform, packages, network, sshKey, bastion } = args;
  const { name, address, role } = machine;
  const publicAddress = makePublicAddress(args, options);
  const { instance, hostKey } = makeHostInstance(args, options);
  const user = getLoginUser(os, platform);
  const device = args.interface ?? getImage(os).interface;
  const host = {
    name,
    address,
    os,
    packages,
    sudo: user !== "root",
    interface: device,
    prefixLength: Number(requireSubnet(address, network).cidr.split("/")[1]),
    connection: connectionTo({ ...args, publicAddress, user, privateKey: sshKey.privateKey, hostKey }),
    identity: instance.id,
    machine: instance,
    ...(role === "balancer"
      ? { moveAddress: makeAddressMove({ ...args, region: platform.region, device }) }
      : {}),
  };
  const dependsOn = [
    instance,
    ...args.addressRoutes,
    ...(bastion?.dependencies ?? []),
    ...(publicAddress === undefined ? [] : [publicAddress]),
  ];
  const reachable = makeReady(host, { ...options, dependsOn });
  const first =
    role === "broker"
      ? mountDataVolume({ ...args, host: reachable, instance }, options)
      : checkInterface(reachable, options);
  const prepared = prepareMachine({ ...firewallArgs(args), host: readyAfter(reachable, first) }, options);
  return readyAfter(reachable, prepared);
}

/** @returns the host's instance; that of a balancer has the permission to move the virtual address */
function makeHostInstance(args: HostArgs, options: pulumi.CustomResourceOptions): Instance {
  const { machine, platform, network, networkInterface, tags } = args;
  const { name, role } = machine;
  const routeTables = network.routeTables.map(({ arn }) => arn);
  const profile = makeProfile(
    {
      name,
      region: platform.region,
      tags,
      usesSsm: platform.access.way === "ssm",
      ...(role === "balancer" ? { move: { networkInterface: networkInterface.arn, routeTables } } : {}),
    },
    options,
  );
  const type = platform.hostTypes[name] ?? platform.types[role];
  return makeInstance({ ...args, name, hostName: name, type, profile }, options);
}

/** Checks that the address is on the interface that Keepalived will use. */
function checkInterface(host: Host, options: pulumi.CustomResourceOptions): pulumi.Resource {
  const { name, address, interface: device } = host;
  return new Step(
    `${name}-interface-check`,
    { host, subcommand: "interface", options: { address, interface: device } },
    options,
  );
}

function firewallArgs({
  machine: { role },
  machines,
  frontends,
  statsPort,
  agentPort,
  metrics,
}: HostArgs): Omit<FirewallArgs, "host"> {
  const addressesOf = (wanted: HostRole): readonly string[] =>
    machines.filter((each) => each.role === wanted).map(({ address }) => address);
  return {
    role,
    brokers: addressesOf("broker"),
    balancers: addressesOf("balancer"),
    frontends,
    statsPort,
    ...(agentPort === undefined ? {} : { agentPort }),
    ...(metrics === undefined ? {} : { metrics }),
  };
}
