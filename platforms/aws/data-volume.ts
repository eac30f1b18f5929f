/** A broker's data volume: it outlives the broker's instance, and is mounted before RabbitMQ is installed. */
import { brokerHome } from "../../hosts/broker-paths.ts";
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import type { Host } from "../../hosts/host.ts";
import { File } from "../../remote/file.ts";
import { Step } from "../../remote/step.ts";
import { render } from "../../templates/render.ts";
import { diskEncryption } from "./machine.ts";
import { requireSubnet, type Network } from "./network.ts";
import { aws } from "./sdk.ts";
import type { TagFactory } from "./tags.ts";

const dataUnitDropIn = "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha-data.conf";
/** Limit for the attached volume to appear on the host. */
const deviceTimeoutSeconds = 60;

export interface DataVolumeArgs {
  readonly host: Host;
  readonly instance: aws.ec2.Instance;
  readonly platform: AwsPlatform;
  readonly network: Network;
  readonly tags: TagFactory;
}

/**
 * Makes the volume, attaches it to the instance, and mounts it on the host.
 *
 * @returns a resource that is done once RabbitMQ's data folder is on the volume
 * @throws Error if the host's address is in no subnet, which the survey excludes
 */
export function mountDataVolume(
  args: DataVolumeArgs,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const { host, platform } = args;
  const { volume, attachment } = attachVolume(args, options);
  // A state of an older provider has no createTime, which the type does not allow for.
  const createdAt = volume.createTime.apply((time: string | undefined) => time ?? "");
  const mount = new Step(
    `${host.name}-mount`,
    {
      host,
      subcommand: "mount",
      options: { target: brokerHome, size: platform.volumes.data, patience: deviceTimeoutSeconds },
      // With the time of its creation: only a volume that was just created gets a file system.
      stdin: pulumi.interpolate`${volume.id} ${createdAt}`,
      identity: [volume.id],
    },
    { ...options, dependsOn: [attachment] },
  );
  const content = render("aws/data.conf", { target: brokerHome });
  return new File(
    `${host.name}-data-unit`,
    { host, path: dataUnitDropIn, content },
    { ...options, dependsOn: [mount] },
  );
}

/** The volume leaves a snapshot when the stack is destroyed, unless the stack is configured to purge its data. */
function attachVolume(
  { host: { name, address }, instance, platform, network, tags }: DataVolumeArgs,
  options: pulumi.CustomResourceOptions,
): { readonly volume: aws.ebs.Volume; readonly attachment: pulumi.Resource } {
  const volume = new aws.ebs.Volume(
    `${name}-data`,
    {
      availabilityZone: requireSubnet(address, network).zone,
      type: "gp3",
      // GiB.
      size: platform.volumes.data,
      ...diskEncryption(platform),
      finalSnapshot: !platform.purge,
      tags: tags(`${name}-data`),
    },
    {
      ...options,
      protect: platform.terminationProtection,
      // The provider waits for the snapshot, for which there is no upper limit.
      customTimeouts: { delete: "6h" },
    },
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
    // Without it, its instance would be stopped before EC2 refuses to terminate it.
    { ...options, protect: platform.terminationProtection, deleteBeforeReplace: true },
  );
  return { volume, attachment };
}
