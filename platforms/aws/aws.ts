/** `platform: aws`: EC2 instances across availability zones; the program makes and removes them. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import { File } from "../../remote/file.ts";
import { prepareMachine } from "../../remote/preparation.ts";
import { currentProgramFolder } from "../../remote/program.ts";
import { Ready } from "../../remote/ready.ts";
import { Step } from "../../remote/step.ts";
import { systems, warnOfEndOfLife } from "../../hosts/systems.ts";
import { generatedSecret } from "../../secret.ts";
import { render } from "../../templates/render.ts";
import { SecurityGroups } from "./groups.ts";
import { getImage } from "./images.ts";
import { makeInstance, makeInterface, makeVolume, type Instance } from "./machine.ts";
import { makeNetwork, requireSubnet, type Network } from "./network.ts";
import { makeProfile } from "./roles.ts";
import { aws } from "./sdk.ts";
import { surveyAccount, type AccountSurvey, type SurveyArgs } from "./survey.ts";
import { makeTagFactory, type TagFactory } from "./tags.ts";
import type { AddressMove, Connection, Host, PackageSources, SshEndpoint } from "../../hosts/host.ts";
import { makePrivateKey, derivePublicKey } from "../ssh-keys.ts";

export interface AwsArgs extends SurveyArgs {
  readonly packages: PackageSources;
  /** TCP ports that the security groups and the machines' firewalls have to let in. */
  readonly ports: { readonly amqp: number; readonly management: number };
  readonly statsPort: number;
  /** @default the balancers do not check brokers for alarms */
  readonly agentPort?: number;
  /** The name of the machines' network interface. @default the name in the system's image */
  readonly interface?: string;
  /** The key to log in with. @default one is made for the stack */
  readonly sshPrivateKey?: pulumi.Input<string>;
}

type HostArgs = AwsArgs["machines"][number];

/** The folder of RabbitMQ's data. */
const dataFolder = "/var/lib/rabbitmq";
const dataUnitDropIn = "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha-data.conf";

/** How to log in to the bastion, and the resources to wait for before that. */
interface Bastion {
  readonly endpoint: SshEndpoint;
  readonly dependencies: readonly pulumi.Resource[];
}

class Aws extends pulumi.ComponentResource {
  readonly hosts: readonly Host[];
  readonly #args: AwsArgs;
  readonly #survey: AccountSurvey;
  readonly #tags: TagFactory;
  readonly #child: pulumi.CustomResourceOptions;
  readonly #network: Network;
  readonly #groups: SecurityGroups;
  readonly #sshKey: pulumi.Output<string>;
  readonly #authorizedKey: pulumi.Output<string>;
  /** Absent if the machines are reached without a bastion. */
  readonly #bastion: Bastion | undefined;

  constructor(args: AwsArgs, found: AccountSurvey, provider: aws.Provider) {
    super("rabbitmq-ha:index:Aws", "aws", {}, { providers: [provider] });
    warnOfEndOfLife(args.os);
    const { platform, sshPrivateKey } = args;
    const child = { parent: this };
    this.#args = args;
    this.#survey = found;
    this.#child = child;
    this.#tags = makeTagFactory(pulumi.getStack(), platform.tags);
    this.#sshKey =
      sshPrivateKey === undefined
        ? generatedSecret("aws-ssh-key", () => makePrivateKey(`rabbitmq-ha ${pulumi.getStack()}`), child)
        : pulumi.secret(sshPrivateKey);
    this.#authorizedKey = pulumi.unsecret(this.#sshKey.apply(derivePublicKey));
    this.#network = makeNetwork(platform, found, this.#tags, child);
    this.#groups = new SecurityGroups(
      { ...args, network: this.#network, hasOwnBastion: hasOwnBastion(platform), tags: this.#tags },
      child,
    );
    this.#bastion = hasOwnBastion(platform) ? this.#makeBastion() : givenBastion(platform, this.#sshKey);
    const isRouteMode = this.#network.mode === "route";
    const interfaces = args.machines.map((each) =>
      this.#makeInterface(each, isRouteMode && each.role === "balancer"),
    );
    const firstBalancer = interfaces[args.machines.findIndex(({ role }) => role === "balancer")];
    const addressRoutes =
      isRouteMode && firstBalancer !== undefined ? this.#makeAddressRoutes(firstBalancer) : [];
    this.hosts = args.machines.map((each, index) => {
      const own = interfaces[index];
      if (own === undefined) throw new Error(`${each.name} has no network interface`);
      return this.#makeHost(each, own, addressRoutes);
    });
    this.registerOutputs({});
  }

  #makeInterface({ name, address, role }: HostArgs, overlay: boolean): aws.ec2.NetworkInterface {
    const subnet = requireSubnet(address, this.#network);
    const group = this.#groups.groupId(`${role}s`);
    return makeInterface(
      { name, address, subnet, securityGroupId: group, acceptsForeignAddresses: overlay, tags: this.#tags },
      this.#child,
    );
  }

  /** Routes the virtual address to the first balancer; later Keepalived moves the route. */
  #makeAddressRoutes(firstBalancer: aws.ec2.NetworkInterface): pulumi.Resource[] {
    const { virtualAddress } = this.#args;
    return this.#network.routeTables.map(
      ({ name, id }) =>
        new aws.ec2.Route(
          `aws-address-${name}`,
          {
            routeTableId: id,
            destinationCidrBlock: `${virtualAddress}/32`,
            networkInterfaceId: firstBalancer.id,
          },
          { ...this.#child, ignoreChanges: ["networkInterfaceId"], deleteBeforeReplace: true },
        ),
    );
  }

  #makeHost(args: HostArgs, own: aws.ec2.NetworkInterface, addressRoutes: readonly pulumi.Resource[]): Host {
    const { name, address, role } = args;
    const { os, platform, packages } = this.#args;
    const publicAddress = this.#makePublicAddress(name, own);
    const machine = this.#makeMachine(args, own);
    const image = getImage(os);
    const user = platform.user ?? image.user;
    const host = {
      name,
      address,
      os,
      packages,
      sudo: user !== "root",
      interface: this.#args.interface ?? image.interface,
      prefixLength: Number(requireSubnet(address, this.#network).cidr.split("/")[1]),
      connection: this.#connectionTo(args, user, machine.hostKey, publicAddress?.publicIp),
      identity: machine.instance.id,
      machine: machine.instance,
      ...(role === "balancer" ? { moveAddress: this.#addressMove(own) } : {}),
    };
    const needed = [machine.instance, ...addressRoutes, ...(this.#bastion?.dependencies ?? [])];
    const dependsOn = publicAddress === undefined ? needed : [...needed, publicAddress];
    const ready = new Ready(host, { ...this.#child, dependsOn });
    const usable =
      role === "broker"
        ? this.#mountDataVolume({ ...host, ready }, machine)
        : this.#checkInterface({ ...host, ready });
    return {
      ...host,
      ready: prepareMachine({ ...this.#firewallArgs(), role, host: { ...host, ready: usable } }, this.#child),
    };
  }

  #firewallArgs() {
    const { machines, ports, statsPort, agentPort } = this.#args;
    const addressesOf = (wanted: HostArgs["role"]): readonly string[] =>
      machines.filter(({ role }) => role === wanted).map(({ address }) => address);
    const agent = agentPort === undefined ? {} : { agentPort };
    return {
      brokers: addressesOf("broker"),
      balancers: addressesOf("balancer"),
      ports,
      statsPort,
      ...agent,
    };
  }

  /** @returns the machine's public address, if the machines are reached by public addresses */
  #makePublicAddress(name: string, own: aws.ec2.NetworkInterface): aws.ec2.Eip | undefined {
    if (this.#args.platform.access.way !== "public") return undefined;
    const args = { domain: "vpc", networkInterface: own.id, tags: this.#tags(name) };
    return new aws.ec2.Eip(`${name}-address`, args, {
      ...this.#child,
      dependsOn: [...this.#network.dependencies],
    });
  }

  #makeMachine({ name, role }: HostArgs, own: aws.ec2.NetworkInterface): Instance {
    const { platform } = this.#args;
    const routeTables = this.#network.routeTables.map(({ arn }) => arn);
    const profile = makeProfile(
      {
        name,
        region: platform.region,
        tags: this.#tags,
        usesSsm: platform.access.way === "ssm",
        ...(role === "balancer" ? { move: { networkInterface: own.arn, routeTables } } : {}),
      },
      this.#child,
    );
    return this.#makeInstance(name, name, platform.types[role], own, profile);
  }

  #makeInstance(
    name: string,
    hostName: string,
    type: string,
    own: aws.ec2.NetworkInterface,
    profile?: ReturnType<typeof makeProfile>,
  ): Instance {
    return makeInstance(
      {
        name,
        hostName,
        type,
        profile,
        networkInterfaceId: own.id,
        imageId: this.#survey.imageId,
        platform: this.#args.platform,
        authorizedKey: this.#authorizedKey,
        tags: this.#tags,
      },
      { ...this.#child, dependsOn: [...this.#network.dependencies, ...this.#groups.rules] },
    );
  }

  #connectionTo(
    { name, address }: HostArgs,
    user: string,
    hostKey: pulumi.Output<string>,
    publicIp: pulumi.Output<string> | undefined,
  ): Connection {
    const { access } = this.#args.platform;
    const login = { user, privateKey: this.#sshKey, hostKey };
    if (access.way === "ssm") return { ...login, host: "127.0.0.1", port: access.ports[name] ?? 22 };
    const proxy = this.#bastion === undefined ? {} : { proxy: this.#bastion.endpoint };
    return { ...login, host: publicIp ?? address, port: 22, ...proxy };
  }

  /** @returns what Keepalived runs after it has set the virtual address on a balancer */
  #addressMove(own: aws.ec2.NetworkInterface): AddressMove {
    const { os, platform, virtualAddress: address } = this.#args;
    const routeTables = this.#network.routeTables.map(({ id }) => id);
    const device = this.#args.interface ?? getImage(os).interface;
    const args = ["move-address", "--address", address, "--interface", device, "--region", platform.region];
    if (systems[os].hasOldAwsCli === true) args.push("--old-aws-cli");
    const script = pulumi.output({ here: own.id, routeTables }).apply((plain) => {
      const tables = plain.routeTables.length === 0 ? [] : ["--route-tables", plain.routeTables.join(",")];
      const all = [...args, "--network-interface", plain.here, ...tables];
      const list = all.map((arg) => JSON.stringify(arg)).join(", ");
      return render("aws/move-address", { program: currentProgramFolder, words: `[${list}]` });
    });
    return { script, packageRoles: ["awscli"] };
  }

  /** Mounts a volume for the broker's data, before RabbitMQ is installed. */
  #mountDataVolume(host: Host, { instance }: Instance): pulumi.Resource {
    const { platform } = this.#args;
    const { name, address } = host;
    const { zone } = requireSubnet(address, this.#network);
    const volume = makeVolume({ name, zone, instance, platform, tags: this.#tags }, this.#child);
    // With the time of its creation: only a volume that was just created gets a file system.
    const stdin = pulumi.interpolate`${volume.id} ${volume.createdAt}`;
    const options = { target: dataFolder, patience: 60 };
    const mount = new Step(
      `${name}-mount`,
      { host, subcommand: "mount", options, stdin, identity: [volume.id] },
      { ...this.#child, dependsOn: [volume.attachment] },
    );
    const content = render("aws/data.conf", { target: dataFolder });
    return new File(
      `${name}-data-unit`,
      { host, path: dataUnitDropIn, content },
      { ...this.#child, dependsOn: [mount] },
    );
  }

  /** Checks that the address is on the interface that Keepalived will use. */
  #checkInterface(host: Host): pulumi.Resource {
    const { name, address, interface: device } = host;
    return new Step(
      `${name}-interface-check`,
      { host, subcommand: "interface", options: { address, interface: device } },
      this.#child,
    );
  }

  #makeBastion(): Bastion {
    const { platform, os } = this.#args;
    const subnet = this.#network.publicSubnet;
    if (subnet === undefined)
      throw new Error("the bastion has no subnet, which the configuration's rules exclude");
    const name = "aws-bastion";
    const own = new aws.ec2.NetworkInterface(
      `${name}-interface`,
      { subnetId: subnet.id, securityGroups: [this.#groups.groupId("bastion")], tags: this.#tags("bastion") },
      this.#child,
    );
    const { instance, hostKey } = this.#makeInstance(name, "bastion", platform.types.bastion, own);
    const address = new aws.ec2.Eip(
      `${name}-address`,
      { domain: "vpc", networkInterface: own.id, tags: this.#tags("bastion") },
      { ...this.#child, dependsOn: [...this.#network.dependencies] },
    );
    const user = platform.user ?? getImage(os).user;
    const endpoint = { host: address.publicIp, port: 22, user, privateKey: this.#sshKey, hostKey };
    const host = { name, address: "the bastion", os, connection: endpoint, sudo: user !== "root" };
    const ready = new Ready(
      { ...host, identity: instance.id, machine: instance },
      { ...this.#child, dependsOn: [instance, address] },
    );
    return { endpoint, dependencies: [ready] };
  }
}

function hasOwnBastion({ network, access }: AwsPlatform): boolean {
  return network.kind === "own" && access.way === "bastion" && access.bastion === undefined;
}

function givenBastion({ access }: AwsPlatform, privateKey: pulumi.Output<string>): Bastion | undefined {
  if (access.way !== "bastion" || access.bastion === undefined) return undefined;
  return { endpoint: { ...access.bastion, privateKey }, dependencies: [] };
}

/**
 * Checks the account, and makes the machines.
 * @returns the machines as hosts, in their order
 * @throws pulumi.RunError with all faults of the account
 */
export async function makeAwsHosts(args: AwsArgs): Promise<readonly Host[]> {
  const provider = new aws.Provider("aws-provider", { region: args.platform.region });
  const found = await surveyAccount(args, { provider });
  return new Aws(args, found, provider).hosts;
}
