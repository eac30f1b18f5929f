/** One instance, and what stays when it is another one: its network interface, its host key, its volume. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import { keep } from "../../secret.ts";
import { render } from "../../templates/render.ts";
import { makeKey, publicHalf } from "../ssh-keys.ts";
import { aws } from "./sdk.ts";
import type { Subnet } from "./network.ts";
import type { Profile } from "./roles.ts";
import type { Tags } from "./tags.ts";
import { machineName } from "../../hosts/resource-names.ts";

export interface InterfaceArgs {
  /** The host's. */
  readonly name: string;
  readonly address: string;
  readonly subnet: Subnet;
  /** The ID of its security group. */
  readonly group: pulumi.Input<string>;
  /** Whether it takes packets for addresses that AWS does not know as its own. */
  readonly overlay: boolean;
  readonly tags: Tags;
}

/**
 * An interface with a fixed address, which a replaced instance gets again. Its name holds the address: a changed one is
 * another interface, since the addresses themselves are ignored once it is there – the virtual one comes and goes.
 */
export function makeInterface(
  { name, address, subnet, group, overlay, tags }: InterfaceArgs,
  options: pulumi.CustomResourceOptions,
): aws.ec2.NetworkInterface {
  return new aws.ec2.NetworkInterface(
    `${name}-interface-${address}`,
    {
      subnetId: subnet.id,
      privateIps: [address],
      securityGroups: [group],
      sourceDestCheck: !overlay,
      description: name,
      tags: tags(name),
    },
    { ...options, ignoreChanges: ["privateIps", "privateIpsCount"] },
  );
}

export interface InstanceArgs {
  readonly name: string;
  /** The host's name on the machine itself. */
  readonly hostName: string;
  readonly type: string;
  /** The system's newest image, which a machine that is there already need not have. */
  readonly image: string;
  readonly networkInterface: pulumi.Input<string>;
  readonly platform: AwsPlatform;
  readonly authorizedKey: pulumi.Input<string>;
  /** @default it may ask nothing of the account */
  readonly profile?: Profile | undefined;
  readonly tags: Tags;
}

export interface Machine {
  readonly instance: aws.ec2.Instance;
  /** As a line of authorized_keys. */
  readonly hostKey: pulumi.Output<string>;
}

/**
 * The host key is made here and given to the machine, so that it is known before the first connection. A newer image,
 * and a first boot's data, never make another machine of one that is there.
 */
export function makeInstance(args: InstanceArgs, options: pulumi.CustomResourceOptions): Machine {
  const { name, hostName, platform, profile, tags } = args;
  const pinned = platform.images[hostName] ?? platform.image;
  const { dependsOn, ...child } = options;
  const hostKey = keep(`${name}-ssh-host-key`, () => makeKey(hostName), child);
  const hostKeyPublic = pulumi.unsecret(hostKey.apply(publicHalf));
  const userData = pulumi
    .output({ hostKey, hostKeyPublic, authorizedKey: args.authorizedKey })
    .apply((plain) =>
      render("aws/user-data", { name: hostName, ...plain, hostKey: plain.hostKey.trimEnd().split("\n") }),
    );
  const instance = new aws.ec2.Instance(
    machineName(name),
    {
      ami: pinned ?? args.image,
      instanceType: args.type,
      userData: pulumi.secret(userData),
      primaryNetworkInterface: { networkInterfaceId: args.networkInterface },
      metadataOptions: {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
      },
      rootBlockDevice: {
        ...disk(platform),
        volumeType: "gp3",
        volumeSize: platform.volumes.root,
        tags: tags(`${hostName}-root`),
      },
      disableApiTermination: platform.terminationProtection,
      ...(profile === undefined ? {} : { iamInstanceProfile: profile.name }),
      tags: { ...tags(hostName), Name: hostName },
    },
    {
      ...child,
      dependsOn: [...((dependsOn ?? []) as pulumi.Resource[]), ...(profile?.ready ?? [])],
      // The check of sources and destinations is the interface's own matter.
      ignoreChanges: [...(pinned === undefined ? ["ami"] : []), "userData", "sourceDestCheck"],
      // Its interface, and a broker's volume, can be only one instance's.
      deleteBeforeReplace: true,
    },
  );
  return { instance, hostKey: hostKeyPublic };
}

function disk({ kmsKey }: AwsPlatform): { readonly encrypted: true; readonly kmsKeyId?: string } {
  return { encrypted: true, ...(kmsKey === undefined ? {} : { kmsKeyId: kmsKey }) };
}

export interface VolumeArgs {
  readonly name: string;
  readonly zone: string;
  readonly instance: aws.ec2.Instance;
  readonly platform: AwsPlatform;
  readonly tags: Tags;
}

export interface DataVolume {
  readonly id: pulumi.Output<string>;
  /** When it was made: as RFC 3339 writes it; empty where an old state does not say. */
  readonly made: pulumi.Output<string>;
  readonly attachment: pulumi.Resource;
}

/** A broker's data. It stays when the instance goes, and leaves a snapshot when the stack goes. */
export function makeVolume(
  { name, zone, instance, platform, tags }: VolumeArgs,
  options: pulumi.CustomResourceOptions,
): DataVolume {
  const volume = new aws.ebs.Volume(
    `${name}-data`,
    {
      availabilityZone: zone,
      type: "gp3",
      size: platform.volumes.data,
      ...disk(platform),
      finalSnapshot: !platform.purge,
      tags: tags(`${name}-data`),
    },
    options,
  );
  const attachment = new aws.ec2.VolumeAttachment(
    `${name}-data-attachment`,
    {
      volumeId: volume.id,
      instanceId: instance.id,
      deviceName: "/dev/sdf",
      // A broker writes until it is stopped.
      stopInstanceBeforeDetaching: true,
    },
    { ...options, deleteBeforeReplace: true },
  );
  // The engine's types do not know of states that older providers wrote.
  const made = volume.createTime.apply((time: string | undefined) => time ?? "");
  return { id: volume.id, made, attachment };
}
