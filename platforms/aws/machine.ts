/** One instance, and its host key, which is kept when the instance is replaced. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import { machineName } from "../../hosts/resource-names.ts";
import { render } from "../../templates/render.ts";
import { generateKeyPair, type KeyPair } from "../key-pair.ts";
import type { SecurityGroups } from "./groups.ts";
import type { Network } from "./network.ts";
import type { InstanceProfile } from "./roles.ts";
import { aws } from "./sdk.ts";
import type { TagFactory } from "./tags.ts";

/** What all instances of a stack have in common. */
export interface InstanceSettings {
  readonly platform: AwsPlatform;
  /** The ID of the system's newest image, for new machines; an existing machine keeps its image. */
  readonly imageId: string;
  /** The key pair to log in with. */
  readonly sshKey: KeyPair;
  readonly network: Network;
  readonly groups: SecurityGroups;
  readonly tags: TagFactory;
}

export interface InstanceArgs extends InstanceSettings {
  /** Its name as a part of resource names. */
  readonly name: string;
  /** The host name on the machine itself. */
  readonly hostName: string;
  readonly type: string;
  readonly networkInterface: aws.ec2.NetworkInterface;
  /** @default it has no permissions in the account */
  readonly profile?: InstanceProfile | undefined;
  /** What comes before it. @default nothing */
  readonly after?: readonly pulumi.Resource[];
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
  const { name, hostName, platform, network, groups, sshKey, profile, tags, after = [] } = args;
  const pinned = platform.images[hostName] ?? platform.image;
  const hostKey = generateKeyPair(`${name}-ssh-host-key`, hostName, options);
  const userData = pulumi
    .output({
      hostKey: hostKey.privateKey,
      hostKeyPublic: hostKey.publicKey,
      authorizedKey: sshKey.publicKey,
    })
    .apply((plain) =>
      render("aws/user-data", { name: hostName, ...plain, hostKey: plain.hostKey.trimEnd().split("\n") }),
    );
  const instance = new aws.ec2.Instance(
    machineName(name),
    {
      ami: pinned ?? args.imageId,
      instanceType: args.type,
      userData: pulumi.secret(userData),
      primaryNetworkInterface: { networkInterfaceId: args.networkInterface.id },
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
      ...options,
      dependsOn: [...network.dependencies, ...groups.rules, ...(profile?.dependencies ?? []), ...after],
      // sourceDestCheck is set on the interface.
      ignoreChanges: [...(pinned === undefined ? ["ami"] : []), "userData", "sourceDestCheck"],
      // EC2 would stop and start all instances of a role at once; before a replacement each one is asked for.
      replaceOnChanges: ["instanceType"],
      // The interface and a broker's volume can be attached to one instance only.
      deleteBeforeReplace: true,
      // Pulumi refuses what EC2 would refuse after other parts of the host are gone.
      protect: platform.terminationProtection,
    },
  );
  return { instance, hostKey: hostKey.publicKey };
}

/** @returns the encryption of a disk, with the configured key or else the account's own */
export function diskEncryption({ kmsKey }: AwsPlatform): {
  readonly encrypted: true;
  readonly kmsKeyId?: string;
} {
  return { encrypted: true, ...(kmsKey === undefined ? {} : { kmsKeyId: kmsKey }) };
}
