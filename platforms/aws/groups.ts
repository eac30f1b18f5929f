/** Security groups: which ports the hosts of each role let in, and from which sources. */
import type * as pulumi from "@pulumi/pulumi";
import type { AwsPlatform } from "../../config/types.ts";
import type { Frontend, MetricsAccess, TrafficSource } from "../../hosts/protocol-ports.ts";
import { roleRules, type RoleRule } from "../../remote/firewall.ts";
import type { Network } from "./network.ts";
import { aws } from "./sdk.ts";
import type { TagFactory } from "./tags.ts";

export interface GroupArgs {
  readonly platform: AwsPlatform;
  readonly network: Network;
  readonly frontends: readonly Frontend[];
  readonly statsPort: number;
  readonly agentPort?: number;
  readonly metrics?: MetricsAccess;
  /** Whether the stack makes its own bastion. */
  readonly hasOwnBastion: boolean;
  readonly tags: TagFactory;
}

/** A security group of the stack, or a network. */
type Source = { readonly group: string } | { readonly cidr: string };

export class SecurityGroups {
  readonly #byName = new Map<string, aws.ec2.SecurityGroup>();
  /** All rules; hosts can be used only after them. */
  readonly rules: readonly pulumi.Resource[];

  constructor(args: GroupArgs, options: pulumi.CustomResourceOptions) {
    const { platform, network, hasOwnBastion, tags, ...open } = args;
    const { access, consoles, clients = network.ranges } = platform;
    const cidrs = (list: readonly string[]): readonly Source[] => list.map((cidr) => ({ cidr }));
    const names = ["brokers", "balancers", ...(hasOwnBastion ? ["bastion"] : [])];
    for (const name of names) this.#byName.set(name, makeGroup(name, network.vpcId, tags, options));
    const sources: Readonly<Record<TrafficSource, readonly Source[]>> = {
      brokers: [{ group: "brokers" }],
      balancers: [{ group: "balancers" }],
      clients: cidrs(clients),
      operators: cidrs(consoles),
      readers: cidrs(open.metrics?.from ?? []),
    };
    const loginSources = access.way === "ssm" ? [] : cidrs(access.from);
    const ssh: readonly Source[] = hasOwnBastion ? [{ group: "bastion" }] : loginSources;
    const roles = { brokers: "broker", balancers: "balancer" } as const;
    this.rules = [
      ...Object.entries(roles).flatMap(([group, role]) => [
        ...roleRules({ role, ...open }).flatMap((opening) =>
          sources[opening.from].map((source) => this.#allowIncoming(group, opening, source, options)),
        ),
        ...ssh.map((source) => this.#allowIncoming(group, sshd, source, options)),
      ]),
      ...(hasOwnBastion ? loginSources : []).map((source) =>
        this.#allowIncoming("bastion", sshd, source, options),
      ),
      ...names.map((name) => this.#allowOutgoing(name, options)),
    ];
  }

  /** @returns the ID of a group @throws Error if there is no such group */
  groupId(name: string): pulumi.Output<string> {
    const group = this.#byName.get(name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    return group.id;
  }

  #allowIncoming(
    group: string,
    { protocol, ports }: Pick<RoleRule, "protocol" | "ports">,
    source: Source,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const [from, to = from] = ports.split("-").map(Number);
    const what = protocol === "vrrp" ? "vrrp" : `${protocol}-${ports}`;
    const who = "group" in source ? source.group : source.cidr.replace("/", "-");
    return new aws.vpc.SecurityGroupIngressRule(
      `aws-${group}-${what}-from-${who}`,
      {
        securityGroupId: this.groupId(group),
        ...(protocol === "vrrp"
          ? { ipProtocol: vrrp }
          : { ipProtocol: protocol, fromPort: from ?? 0, toPort: to ?? 0 }),
        ...("group" in source
          ? { referencedSecurityGroupId: this.groupId(source.group) }
          : { cidrIpv4: source.cidr }),
        description: `${what} from ${who}`,
      },
      // EC2 refuses a second rule with the same content.
      { ...options, deleteBeforeReplace: true },
    );
  }

  /** Allows all outgoing traffic: packages and AWS services. Replies to incoming traffic need no rule. */
  #allowOutgoing(group: string, options: pulumi.CustomResourceOptions): pulumi.Resource {
    return new aws.vpc.SecurityGroupEgressRule(
      `aws-${group}-out`,
      { securityGroupId: this.groupId(group), ipProtocol: "-1", cidrIpv4: "0.0.0.0/0", description: "out" },
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
  tags: TagFactory,
  options: pulumi.CustomResourceOptions,
): aws.ec2.SecurityGroup {
  // EC2 accepts no apostrophe in a description.
  const description = `RabbitMQ ${name}`;
  return new aws.ec2.SecurityGroup(`aws-${name}`, { vpcId, description, tags: tags(name) }, options);
}
