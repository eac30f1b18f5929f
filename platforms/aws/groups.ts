/** Security groups: for each role exactly what its hosts have to let in, and from whom. */
import type * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import { roleOpenings, type Audience, type RoleOpening } from "../../remote/firewall.ts";
import type { Network } from "./network.ts";
import { aws } from "./sdk.ts";
import type { Tags } from "./tags.ts";

export interface GroupArgs {
  readonly platform: AwsPlatform;
  readonly network: Network;
  readonly ports: { readonly amqp: number; readonly management: number };
  readonly statsPort: number;
  readonly agentPort?: number;
  /** Whether the stack makes a bastion of its own. */
  readonly bastion: boolean;
  readonly tags: Tags;
}

/** A group of the stack's, or a network. */
type Source = { readonly group: string } | { readonly cidr: string };

export class Groups {
  readonly #byName = new Map<string, aws.ec2.SecurityGroup>();
  /** What has to be there before a host is of use. */
  readonly rules: readonly pulumi.Resource[];

  constructor(args: GroupArgs, options: pulumi.CustomResourceOptions) {
    const { platform, network, bastion, tags, ...open } = args;
    const { access, consoles, clients = network.ranges } = platform;
    const cidrs = (list: readonly string[]): readonly Source[] => list.map((cidr) => ({ cidr }));
    const names = ["brokers", "balancers", ...(bastion ? ["bastion"] : [])];
    for (const name of names) this.#byName.set(name, makeGroup(name, network.vpcId, tags, options));
    const sources: Readonly<Record<Audience, readonly Source[]>> = {
      brokers: [{ group: "brokers" }],
      balancers: [{ group: "balancers" }],
      clients: cidrs(clients),
      operators: cidrs(consoles),
    };
    const login = access.way === "ssm" ? [] : cidrs(access.from);
    const ssh: readonly Source[] = bastion ? [{ group: "bastion" }] : login;
    const roles = { brokers: "broker", balancers: "balancer" } as const;
    this.rules = [
      ...Object.entries(roles).flatMap(([group, role]) => [
        ...roleOpenings({ role, ...open }).flatMap((opening) =>
          sources[opening.from].map((source) => this.#rule(group, opening, source, options)),
        ),
        ...ssh.map((source) => this.#rule(group, sshd, source, options)),
      ]),
      ...(bastion ? login : []).map((source) => this.#rule("bastion", sshd, source, options)),
      ...names.map((name) => this.#wayOut(name, options)),
    ];
  }

  /** @throws Error for a group that there is not */
  id(name: string): pulumi.Output<string> {
    const group = this.#byName.get(name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    return group.id;
  }

  #rule(
    group: string,
    { protocol, ports }: Pick<RoleOpening, "protocol" | "ports">,
    source: Source,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const [from, to = from] = ports.split("-").map(Number);
    const what = protocol === "vrrp" ? "vrrp" : `${protocol}-${ports}`;
    const who = "group" in source ? source.group : source.cidr.replace("/", "-");
    return new aws.vpc.SecurityGroupIngressRule(
      `aws-${group}-${what}-from-${who}`,
      {
        securityGroupId: this.id(group),
        ...(protocol === "vrrp"
          ? { ipProtocol: vrrp }
          : { ipProtocol: protocol, fromPort: from ?? 0, toPort: to ?? 0 }),
        ...("group" in source
          ? { referencedSecurityGroupId: this.id(source.group) }
          : { cidrIpv4: source.cidr }),
        description: `${what} from ${who}`,
      },
      // A rule that says the same as another one cannot stand beside it.
      { ...options, deleteBeforeReplace: true },
    );
  }

  /** Packages, and the account's own services; answers need no rule. */
  #wayOut(group: string, options: pulumi.CustomResourceOptions): pulumi.Resource {
    return new aws.vpc.SecurityGroupEgressRule(
      `aws-${group}-out`,
      { securityGroupId: this.id(group), ipProtocol: "-1", cidrIpv4: "0.0.0.0/0", description: "out" },
      options,
    );
  }
}

const sshd = { protocol: "tcp", ports: "22" } as const;
/** VRRP's IP protocol number (RFC 5798, 5.1.1.4). */
const vrrp = "112";

function makeGroup(
  name: string,
  vpcId: pulumi.Input<string>,
  tags: Tags,
  options: pulumi.CustomResourceOptions,
): aws.ec2.SecurityGroup {
  // EC2 takes no apostrophe here.
  const description = `RabbitMQ ${name}`;
  return new aws.ec2.SecurityGroup(`aws-${name}`, { vpcId, description, tags: tags(name) }, options);
}
