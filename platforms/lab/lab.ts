/** `platform: lab`: containers on this computer that act as machines; the program makes and removes them. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { LocalScript } from "../../remote/local-script.ts";
import { makeReady, readyAfter } from "../../remote/ready.ts";
import { Sources } from "../../remote/sources.ts";
import { generatedSecret, randomText } from "../../secret.ts";
import { refusalError } from "../../config/refusal-error.ts";
import type { Host, HostRole, OperatingSystem, PackageSources } from "../../hosts/host.ts";
import { baseImageOf } from "./image.ts";
import { generateKeyPair, makeLoginKeyPair } from "../key-pair.ts";
import { machineName } from "../../hosts/resource-names.ts";

/** podman gives every container of one network this interface. */
const labInterface = "eth0";

/** @throws pulumi.RunError if the configured interface is one that the lab's hosts do not have */
export function checkLabInterface(configured = labInterface): void {
  if (configured === labInterface) return;
  throw refusalError(
    `keepalived.interface = "${configured}": the lab's hosts have only ${labInterface}; remove the key`,
  );
}

export interface LabArgs {
  /** The hosts to make, each with a name and an address of its own in the subnet. */
  readonly machines: readonly {
    readonly name: string;
    readonly address: string;
    readonly role: HostRole;
  }[];
  readonly os: OperatingSystem;
  /** The hosts use its mirror; the image is built from the package sources of this computer. */
  readonly packages: PackageSources;
  /** CIDR of the lab's own network; podman uses its first address for the gateway. */
  readonly subnet: string;
  /** A podman image for the hosts; it is pulled if it is missing. @default one built from the packages of `os` */
  readonly image?: string;
  /** The key to log in with. @default one is made for the stack */
  readonly sshPrivateKey?: pulumi.Input<string>;
}

/** The lab: a network, an unreachable route that keeps its traffic on this computer, and one container per host. */
class Lab extends pulumi.ComponentResource {
  readonly hosts: readonly Host[];

  constructor(args: LabArgs) {
    super("rabbitmq-ha:index:Lab", "lab", {});
    const child = { parent: this };
    const stack = pulumi.getStack();
    const built = baseImageOf(args.os);
    const { suite } = built;
    const image = args.image ?? built.image;
    const network = `rabbitmq-ha-${stack}`;
    // Distinguishes this lab's containers from those of another checkout or of a stack whose state was lost.
    const lab = pulumi.unsecret(generatedSecret("lab-id", () => `${stack}-${randomText(10)}`, child));
    const sshKey = makeLoginKeyPair("lab-ssh-key", args.sshPrivateKey, child);

    const route = new LocalScript(
      "lab-route",
      {
        template: "lab/route.sh",
        undo: "lab/route-undo.sh",
        values: { subnet: args.subnet },
        identity: [args.subnet],
      },
      child,
    );
    const bridge = new LocalScript(
      "lab-network",
      {
        template: "lab/network.sh",
        undo: "lab/network-undo.sh",
        values: { network, subnet: args.subnet, lab },
        identity: [network, args.subnet],
      },
      { ...child, dependsOn: route },
    );
    const base = new LocalScript(
      "lab-image",
      args.image === undefined
        ? {
            template: "lab/image.sh",
            values: { ...built },
            identity: [image],
          }
        : { template: "lab/given-image.sh", values: { image }, identity: [image] },
      child,
    );
    const balancers: pulumi.Resource[] = [];
    this.hosts = args.machines.map(({ name, address, role }) => {
      const hostKey = generateKeyPair(`${name}-ssh-host-key`, name, child);
      const spec = createHash("sha256")
        .update([image, network, args.subnet, address].join("\n"))
        .digest("hex");
      const machine = new LocalScript(
        machineName(name),
        {
          template: "lab/machine.sh",
          undo: "lab/machine-undo.sh",
          values: {
            name,
            address,
            image,
            network,
            lab,
            spec: spec.slice(0, 12),
            packages: suite,
            hostKey: hostKey.publicKey,
            authorizedKey: sshKey.publicKey,
          },
          stdin: hostKey.privateKey,
          identity: [image, network, args.subnet, address],
        },
        // Balancers' machines change one after the other, so that one which is being made anew is seen not to serve.
        { ...child, dependsOn: [bridge, base, ...(role === "balancer" ? balancers.slice(-1) : [])] },
      );
      if (role === "balancer") balancers.push(machine);
      const host = {
        name,
        address,
        os: args.os,
        interface: labInterface,
        identity: machine.id,
        machine,
        sudo: false,
        packages: args.packages,
        prefixLength: Number(args.subnet.split("/")[1]),
        connection: {
          host: address,
          port: 22,
          user: "root",
          privateKey: sshKey.privateKey,
          hostKey: hostKey.publicKey,
        },
      };
      const reachable = makeReady(host, { ...child, dependsOn: machine });
      if (args.packages.mirror === undefined) return reachable;
      return readyAfter(reachable, new Sources(`${name}-sources`, { host: reachable }, child));
    });
    this.registerOutputs({});
  }
}

/** Makes the lab. @returns its hosts, in the order of `machines` */
export function makeLabHosts(args: LabArgs): readonly Host[] {
  return new Lab(args).hosts;
}
