/** One instance, and what is kept when it is replaced: its network interface, host key and volume. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import { generatedSecret } from "../../secret.ts";
import { render } from "../../templates/render.ts";
import { makePrivateKey, derivePublicKey } from "../ssh-keys.ts";
import { aws } from "./sdk.ts";
import type { Subnet } from "./network.ts";
import type { InstanceProfile } from "./roles.ts";
import type { TagFactory } from "./tags.ts";
import { machineName } from "../../hosts/resource-names.ts";

export interface InterfaceArgs {
  /** The name of the host. */
  readonly name: string;
  readonly address: string;
  readonly subnet: Subnet;
  /** The ID of its security group. */
  readonly securityGroupId: pulumi.Input<string>;
  /** Whether it accepts packets for addresses that AWS has not assigned to it. */
  readonly acceptsForeignAddresses: boolean;
  readonly tags: TagFactory;
}

/**
 * An interface with a fixed address; a replaced instance gets it again. The address is part of the resource's name, so
 * a changed address makes another interface. Changes of its addresses are ignored, since the virtual address moves.
 */
export function makeInterface(
  { name, address, subnet, securityGroupId, acceptsForeignAddresses, tags }: InterfaceArgs,
  options: pulumi.CustomResourceOptions,
): aws.ec2.NetworkInterface {
  return new aws.ec2.NetworkInterface(
    `${name}-interface-${address}`,
    {
      subnetId: subnet.id,
      privateIps: [address],
      securityGroups: [securityGroupId],
      sourceDestCheck: !acceptsForeignAddresses,
      description: name,
      tags: tags(name),
    },
    { ...options, ignoreChanges: ["privateIps", "privateIpsCount"] },
  );
}

export interface InstanceArgs {
  readonly name: string;
  /** The host name on the machine itself. */
  readonly hostName: string;
  readonly type: string;
  /** The ID of the system's newest image, for new machines; an existing machine keeps its image. */
  readonly imageId: string;
  readonly networkInterfaceId: pulumi.Input<string>;
  readonly platform: AwsPlatform;
  readonly authorizedKey: pulumi.Input<string>;
  /** @default it has no permissions in the account */
  readonly profile?: InstanceProfile | undefined;
  readonly tags: TagFactory;
}

/** An instance and its host key. */
export interface Instance {
  readonly instance: aws.ec2.Instance;
  /** As a line of authorized_keys. */
  readonly hostKey: pulumi.Output<string>;
}

/**
 * The host key is generated here and given to the machine, so that it is known before the first connection. A newer
 * image or other user data never replaces an existing machine.
 */
export function makeInstance(args: InstanceArgs, options: pulumi.CustomResourceOptions): Instance {
  const { name, hostName, platform, profile, tags } = args;
  const pinned = platform.images[hostName] ?? platform.image;
  const { dependsOn, ...child } = options;
  const hostKey = generatedSecret(`${name}-ssh-host-key`, () => makePrivateKey(hostName), child);
  const hostKeyPublic = pulumi.unsecret(hostKey.apply(derivePublicKey));
  const userData = pulumi
    .output({ hostKey, hostKeyPublic, authorizedKey: args.authorizedKey })
    .apply((plain) =>
      render("aws/user-data", { name: hostName, ...plain, hostKey: plain.hostKey.trimEnd().split("\n") }),
    );
  const instance = new aws.ec2.Instance(
    machineName(name),
    {
      ami: pinned ?? args.imageId,
      instanceType: args.type,
      userData: pulumi.secret(userData),
      primaryNetworkInterface: { networkInterfaceId: args.networkInterfaceId },
      metadataOptions: {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
      },
      rootBlockDevice: {
        ...diskEncryption(platform),
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
      dependsOn: [...((dependsOn ?? []) as pulumi.Resource[]), ...(profile?.dependencies ?? [])],
      // sourceDestCheck is set on the interface.
      ignoreChanges: [...(pinned === undefined ? ["ami"] : []), "userData", "sourceDestCheck"],
      // The interface and a broker's volume can be attached to one instance only.
      deleteBeforeReplace: true,
    },
  );
  return { instance, hostKey: hostKeyPublic };
}

function diskEncryption({ kmsKey }: AwsPlatform): { readonly encrypted: true; readonly kmsKeyId?: string } {
  return { encrypted: true, ...(kmsKey === undefined ? {} : { kmsKeyId: kmsKey }) };
}

export interface VolumeArgs {
  readonly name: string;
  readonly zone: string;
  readonly instance: aws.ec2.Instance;
  readonly platform: AwsPlatform;
  readonly tags: TagFactory;
}

export interface DataVolume {
  readonly id: pulumi.Output<string>;
  /** Its creation time, in the form of RFC 3339; empty if an old state does not have it. */
  readonly createdAt: pulumi.Output<string>;
  readonly attachment: pulumi.Resource;
}

/** A broker's data volume. It outlives the instance, and leaves a snapshot when the stack is destroyed. */
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
      ...diskEncryption(platform),
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
      // A broker writes to it until it is stopped.
      stopInstanceBeforeDetaching: true,
    },
    { ...options, deleteBeforeReplace: true },
  );
  // A state of an older provider has no createTime, which the type does not allow for.
  const made = volume.createTime.apply((time: string | undefined) => time ?? "");
  return { id: volume.id, createdAt: made, attachment };
}
