/** The rules that a host's own firewall needs, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host, HostRole } from "../hosts/host.ts";
import { cliToolPorts, distributionPort, epmdPort, streamReplicationPorts } from "../hosts/other-ports.ts";
import type { Frontend, MetricsAccess, TrafficSource } from "../hosts/protocol-ports.ts";
import { Step } from "./step.ts";

export interface FirewallArgs {
  readonly host: Host;
  readonly role: HostRole;
  /** The addresses of all brokers and of all balancers, including this host's own. */
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  /** The addresses at which the balancers speak VRRP, including this host's. @default `balancers` */
  readonly vrrpAddresses?: readonly string[];
  /** What goes through the balancers; a port is the same on every host. */
  readonly frontends: readonly Pick<Frontend, "name" | "port" | "from">[];
  /** TCP port of the balancers' statistics pages. */
  readonly statsPort: number;
  /** TCP port of the brokers' agent check, which reports an alarm. @default no agent check */
  readonly agentPort?: number;
  /** Who reads the metrics. @default the statistics pages from anywhere, and nobody the brokers' metrics */
  readonly metrics?: MetricsAccess;
}

/** The traffic that is allowed: TCP ports, one or a range, or VRRP (IP protocol 112). */
type Traffic =
  { readonly protocol: "tcp"; readonly ports: string } | { readonly protocol: "vrrp"; readonly ports: "-" };

/** What a role's hosts allow, and from whom. */
export type RoleRule = Traffic & { readonly from: TrafficSource };

/** What one host allows: from one address or from anywhere. */
export type FirewallRule = Traffic & { readonly from: string };

const tcp = (ports: number | string, ...sources: readonly TrafficSource[]): RoleRule[] =>
  sources.map((from) => ({ protocol: "tcp", ports: String(ports), from }));

/** The ports of the traffic between brokers, and between brokers and their command-line tools. */
const clusterPorts = [
  epmdPort,
  distributionPort,
  ...[cliToolPorts, streamReplicationPorts].map(({ first, last }) => `${String(first)}-${String(last)}`),
];

/** @returns exactly what the hosts of a role have to allow */
export function roleRules({
  role,
  ...args
}: Omit<FirewallArgs, "host" | "brokers" | "balancers" | "vrrpAddresses">): readonly RoleRule[] {
  const { frontends, statsPort, agentPort, metrics } = args;
  if (role === "balancer") {
    return [
      ...frontends.flatMap(({ port }) => tcp(port, "clients")),
      // A broker's host judges whether clients can do without a balancer, and a balancer's whether another one has the
      // virtual address.
      ...frontends
        .filter(({ name }) => name === "amqp")
        .flatMap(({ port }) => tcp(port, "brokers", "balancers")),
      ...tcp(statsPort, metrics === undefined ? "clients" : "readers"),
      { protocol: "vrrp", ports: "-", from: "balancers" },
    ];
  }
  return [
    ...frontends.flatMap(({ port, from }) => tcp(port, ...from)),
    ...(agentPort === undefined ? [] : tcp(agentPort, "balancers")),
    ...(metrics?.port === undefined ? [] : tcp(metrics.port, "readers")),
    ...clusterPorts.flatMap((port) => tcp(port, "brokers")),
  ];
}

/** @returns the same for one host's own firewall, which allows clients and operators from anywhere */
export function hostRules(given: FirewallArgs): readonly FirewallRule[] {
  const { host, brokers, balancers, vrrpAddresses = balancers, ...args } = given;
  const vrrpPeers = vrrpAddresses.filter((address) => address !== (host.vrrp ?? host).address);
  const sources: Readonly<Record<TrafficSource, readonly string[]>> = {
    clients: ["any"],
    operators: ["any"],
    readers: (args.metrics?.from ?? []).map(shortSource),
    brokers: brokers.filter((address) => address !== host.address),
    balancers: balancers.filter((address) => address !== host.address),
  };
  const all = roleRules(args).flatMap((opening): FirewallRule[] =>
    (opening.protocol === "vrrp" ? vrrpPeers : sources[opening.from]).map((from) => ({ ...opening, from })),
  );
  const portsForAll = all.filter(({ from }) => from === "any").map(({ ports }) => ports);
  return all.filter(({ ports, from }) => from === "any" || !portsForAll.includes(ports));
}

/** @returns a network as a firewall lists it: one address, any address, or the network */
function shortSource(cidr: string): string {
  return cidr === "0.0.0.0/0" ? "any" : cidr.replace(/\/32$/, "");
}

/**
 * Adds exactly these rules, permanently, to the firewall that runs on the host: firewalld, ufw, or nftables with an
 * input chain that refuses something. Without a firewall it does nothing. Rules that it added earlier and that are no
 * longer needed are removed; `agent/firewall.py` removes all of them at the end.
 */
export class Firewall extends Step {
  constructor(name: string, args: FirewallArgs, options: pulumi.CustomResourceOptions) {
    const { host } = args;
    const rules = hostRules(args).map(({ protocol, ports, from }) => `${protocol} ${ports} ${from}`);
    const interfaces = [...new Set([host.interface, (host.vrrp ?? host).interface])];
    super(name, { host, subcommand: "firewall", options: { interface: interfaces, rules } }, options);
  }
}
