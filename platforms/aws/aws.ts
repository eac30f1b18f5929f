/** `platform: aws`: instances in an account, over its availability zones, made and removed by the program. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import { File } from "../../remote/file.ts";
import { prepare } from "../../remote/preparation.ts";
import { programCurrent } from "../../remote/program.ts";
import { Ready } from "../../remote/ready.ts";
import { Step } from "../../remote/step.ts";
import { systems, warnOfEnd } from "../../hosts/systems.ts";
import { keep } from "../../secret.ts";
import { render } from "../../templates/render.ts";
import { Groups } from "./groups.ts";
import { imageOf } from "./images.ts";
import { makeInstance, makeInterface, makeVolume, type Machine } from "./machine.ts";
import { makeNetwork, subnetFor, type Network } from "./network.ts";
import { makeProfile } from "./roles.ts";
import { aws } from "./sdk.ts";
import { survey, type Survey, type SurveyArgs } from "./survey.ts";
import { tagsOf, type Tags } from "./tags.ts";
import type { AddressMove, Connection, Host, PackageSources, Way } from "../../hosts/host.ts";
import { makeKey, publicHalf } from "../ssh-keys.ts";

export interface AwsArgs extends SurveyArgs {
  readonly packages: PackageSources;
  /** TCP ports that security groups, and the machines' own firewalls, have to let in. */
  readonly ports: { readonly amqp: number; readonly management: number };
  readonly statsPort: number;
  /** @default the balancers do not ask for alarms */
  readonly agentPort?: number;
  /** What the machines' network interface is called. @default what the system's image calls it */
  readonly interface?: string;
  /** The key to log in with. @default one is made for the stack */
  readonly sshPrivateKey?: pulumi.Input<string>;
}

type Placed = AwsArgs["machines"][number];

/** Where RabbitMQ keeps its data. */
const dataFolder = "/var/lib/rabbitmq";
const dataDropIn = "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha-data.conf";

class Aws extends pulumi.ComponentResource {
  readonly hosts: readonly Host[];
  readonly #args: AwsArgs;
  readonly #survey: Survey;
  readonly #tags: Tags;
  readonly #child: pulumi.CustomResourceOptions;
  readonly #network: Network;
  readonly #groups: Groups;
  readonly #sshKey: pulumi.Output<string>;
  readonly #authorizedKey: pulumi.Output<string>;
  /** The way through the bastion, and that it is there; absent where there is none. */
  readonly #bastion: { readonly way: Way; readonly ready: readonly pulumi.Resource[] } | undefined;

  constructor(args: AwsArgs, found: Survey, provider: aws.Provider) {
    super("rabbitmq-ha:index:Aws", "aws", {}, { providers: [provider] });
    warnOfEnd(args.os);
    const { platform, sshPrivateKey } = args;
    const child = { parent: this };
    this.#args = args;
    this.#survey = found;
    this.#child = child;
    this.#tags = tagsOf(pulumi.getStack(), platform.tags);
    this.#sshKey =
      sshPrivateKey === undefined
        ? keep("aws-ssh-key", () => makeKey(`rabbitmq-ha ${pulumi.getStack()}`), child)
        : pulumi.secret(sshPrivateKey);
    this.#authorizedKey = pulumi.unsecret(this.#sshKey.apply(publicHalf));
    this.#network = makeNetwork(platform, found, this.#tags, child);
    this.#groups = new Groups(
      { ...args, network: this.#network, bastion: makesBastion(platform), tags: this.#tags },
      child,
    );
    this.#bastion = makesBastion(platform) ? this.#ownBastion() : givenBastion(platform, this.#sshKey);
    const routes = this.#network.mode === "route";
    const interfaces = args.machines.map((each) => this.#interface(each, routes && each.role === "balancer"));
    const first = interfaces[args.machines.findIndex(({ role }) => role === "balancer")];
    const moved = routes && first !== undefined ? this.#routes(first) : [];
    this.hosts = args.machines.map((each, index) => {
      const own = interfaces[index];
      if (own === undefined) throw new Error(`${each.name} has no network interface`);
      return this.#host(each, own, moved);
    });
    this.registerOutputs({});
  }

  #interface({ name, address, role }: Placed, overlay: boolean): aws.ec2.NetworkInterface {
    const subnet = subnetFor(address, this.#network);
    const group = this.#groups.id(`${role}s`);
    return makeInterface({ name, address, subnet, group, overlay, tags: this.#tags }, this.#child);
  }

  /** The virtual address as a route to its first holder; from then on it is Keepalived's to move. */
  #routes(first: aws.ec2.NetworkInterface): pulumi.Resource[] {
    const { virtualAddress } = this.#args;
    return this.#network.routeTables.map(
      ({ name, id }) =>
        new aws.ec2.Route(
          `aws-address-${name}`,
          {
            routeTableId: id,
            destinationCidrBlock: `${virtualAddress}/32`,
            networkInterfaceId: first.id,
          },
          { ...this.#child, ignoreChanges: ["networkInterfaceId"], deleteBeforeReplace: true },
        ),
    );
  }

  #host(placed: Placed, own: aws.ec2.NetworkInterface, moved: readonly pulumi.Resource[]): Host {
    const { name, address, role } = placed;
    const { os, platform, packages } = this.#args;
    const reachable = this.#publicAddress(name, own);
    const machine = this.#machine(placed, own);
    const image = imageOf(os);
    const user = platform.user ?? image.user;
    const host = {
      name,
      address,
      os,
      packages,
      sudo: user !== "root",
      interface: this.#args.interface ?? image.interface,
      prefixLength: Number(subnetFor(address, this.#network).cidr.split("/")[1]),
      connection: this.#connection(placed, user, machine.hostKey, reachable?.publicIp),
      identity: machine.instance.id,
      machine: machine.instance,
      ...(role === "balancer" ? { moveAddress: this.#move(own) } : {}),
    };
    const before = [machine.instance, ...moved, ...(this.#bastion?.ready ?? [])];
    const dependsOn = reachable === undefined ? before : [...before, reachable];
    const ready = new Ready(host, { ...this.#child, dependsOn });
    const fit =
      role === "broker" ? this.#data({ ...host, ready }, machine) : this.#checked({ ...host, ready });
    return {
      ...host,
      ready: prepare({ ...this.#opening(), role, host: { ...host, ready: fit } }, this.#child),
    };
  }

  #opening() {
    const { machines, ports, statsPort, agentPort } = this.#args;
    const of = (wanted: Placed["role"]): readonly string[] =>
      machines.filter(({ role }) => role === wanted).map(({ address }) => address);
    const asked = agentPort === undefined ? {} : { agentPort };
    return { brokers: of("broker"), balancers: of("balancer"), ports, statsPort, ...asked };
  }

  /** @returns an address of the machine's own, where the machines are reached by such */
  #publicAddress(name: string, own: aws.ec2.NetworkInterface): aws.ec2.Eip | undefined {
    if (this.#args.platform.access.way !== "public") return undefined;
    const args = { domain: "vpc", networkInterface: own.id, tags: this.#tags(name) };
    return new aws.ec2.Eip(`${name}-address`, args, { ...this.#child, dependsOn: [...this.#network.ready] });
  }

  #machine({ name, role }: Placed, own: aws.ec2.NetworkInterface): Machine {
    const { platform } = this.#args;
    const routeTables = this.#network.routeTables.map(({ arn }) => arn);
    const profile = makeProfile(
      {
        name,
        region: platform.region,
        tags: this.#tags,
        sessions: platform.access.way === "ssm",
        ...(role === "balancer" ? { move: { networkInterface: own.arn, routeTables } } : {}),
      },
      this.#child,
    );
    return this.#instance(name, name, platform.types[role], own, profile);
  }

  #instance(
    name: string,
    hostName: string,
    type: string,
    own: aws.ec2.NetworkInterface,
    profile?: ReturnType<typeof makeProfile>,
  ): Machine {
    return makeInstance(
      {
        name,
        hostName,
        type,
        profile,
        networkInterface: own.id,
        image: this.#survey.image,
        platform: this.#args.platform,
        authorizedKey: this.#authorizedKey,
        tags: this.#tags,
      },
      { ...this.#child, dependsOn: [...this.#network.ready, ...this.#groups.rules] },
    );
  }

  #connection(
    { name, address }: Placed,
    user: string,
    hostKey: pulumi.Output<string>,
    publicIp: pulumi.Output<string> | undefined,
  ): Connection {
    const { access } = this.#args.platform;
    const way = { user, privateKey: this.#sshKey, hostKey };
    if (access.way === "ssm") return { ...way, host: "127.0.0.1", port: access.ports[name] ?? 22 };
    const proxy = this.#bastion === undefined ? {} : { proxy: this.#bastion.way };
    return { ...way, host: publicIp ?? address, port: 22, ...proxy };
  }

  /** What Keepalived runs when it has set the virtual address on a balancer. */
  #move(own: aws.ec2.NetworkInterface): AddressMove {
    const { os, platform, virtualAddress: address } = this.#args;
    const routeTables = this.#network.routeTables.map(({ id }) => id);
    const device = this.#args.interface ?? imageOf(os).interface;
    const common = ["move-address", "--address", address, "--interface", device, "--region", platform.region];
    if (systems[os].oldAwsCli === true) common.push("--old-aws-cli");
    const script = pulumi.output({ here: own.id, routeTables }).apply((plain) => {
      const tables = plain.routeTables.length === 0 ? [] : ["--route-tables", plain.routeTables.join(",")];
      const words = [...common, "--network-interface", plain.here, ...tables];
      const list = words.map((word) => JSON.stringify(word)).join(", ");
      return render("aws/move-address", { program: programCurrent, words: `[${list}]` });
    });
    return { script, needs: ["awscli"] };
  }

  /** The broker's data on a volume of its own, before RabbitMQ is installed. */
  #data(host: Host, { instance }: Machine): pulumi.Resource {
    const { platform } = this.#args;
    const { name, address } = host;
    const { zone } = subnetFor(address, this.#network);
    const volume = makeVolume({ name, zone, instance, platform, tags: this.#tags }, this.#child);
    // Only a volume that was made just now is given a file system.
    const stdin = pulumi.interpolate`${volume.id} ${volume.made}`;
    const options = { target: dataFolder, patience: 60 };
    const mount = new Step(
      `${name}-mount`,
      { host, subcommand: "mount", options, stdin, identity: [volume.id] },
      { ...this.#child, dependsOn: [volume.attachment] },
    );
    const content = render("aws/data.conf", { target: dataFolder });
    return new File(
      `${name}-data-unit`,
      { host, path: dataDropIn, content },
      { ...this.#child, dependsOn: [mount] },
    );
  }

  /** That the address is on the interface that Keepalived is told. */
  #checked(host: Host): pulumi.Resource {
    const { name, address, interface: device } = host;
    return new Step(
      `${name}-interface-check`,
      { host, subcommand: "interface", options: { address, interface: device } },
      this.#child,
    );
  }

  #ownBastion(): { readonly way: Way; readonly ready: readonly pulumi.Resource[] } {
    const { platform, os } = this.#args;
    const subnet = this.#network.publicSubnet;
    if (subnet === undefined)
      throw new Error("the bastion has no subnet; the configuration's rules see to it");
    const name = "aws-bastion";
    const own = new aws.ec2.NetworkInterface(
      `${name}-interface`,
      { subnetId: subnet.id, securityGroups: [this.#groups.id("bastion")], tags: this.#tags("bastion") },
      this.#child,
    );
    const { instance, hostKey } = this.#instance(name, "bastion", platform.types.bastion, own);
    const address = new aws.ec2.Eip(
      `${name}-address`,
      { domain: "vpc", networkInterface: own.id, tags: this.#tags("bastion") },
      { ...this.#child, dependsOn: [...this.#network.ready] },
    );
    const user = platform.user ?? imageOf(os).user;
    const way = { host: address.publicIp, port: 22, user, privateKey: this.#sshKey, hostKey };
    const host = { name, address: "the bastion", os, connection: way, sudo: user !== "root" };
    const ready = new Ready(
      { ...host, identity: instance.id, machine: instance },
      { ...this.#child, dependsOn: [instance, address] },
    );
    return { way, ready: [ready] };
  }
}

function makesBastion({ network, access }: AwsPlatform): boolean {
  return network.kind === "own" && access.way === "bastion" && access.bastion === undefined;
}

function givenBastion(
  { access }: AwsPlatform,
  privateKey: pulumi.Output<string>,
): { readonly way: Way; readonly ready: readonly pulumi.Resource[] } | undefined {
  if (access.way !== "bastion" || access.bastion === undefined) return undefined;
  return { way: { ...access.bastion, privateKey }, ready: [] };
}

/**
 * Asks the account, and makes the machines.
 * @returns them as hosts, in the order in which they were given
 * @throws pulumi.RunError with everything that is wrong in the account
 */
export async function awsHosts(args: AwsArgs): Promise<readonly Host[]> {
  const provider = new aws.Provider("aws-provider", { region: args.platform.region });
  const found = await survey(args, { provider });
  return new Aws(args, found, provider).hosts;
}
