/** What a host's own firewall has to let in, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { cliToolPorts, distributionPort, epmdPort } from "../hosts/ports.ts";
import { Step } from "./step.ts";

export interface FirewallArgs {
  readonly host: Host;
  readonly role: "broker" | "balancer";
  /** The addresses of all brokers and of all balancers, this host's own among them. */
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  /** TCP ports, the same on every host. */
  readonly ports: { readonly amqp: number; readonly management: number };
  /** TCP port of the balancers' statistics pages. */
  readonly statsPort: number;
  /** TCP port at which the balancers ask a broker whether it is in alarm. @default nobody is asked */
  readonly agentPort?: number;
}

/** Who is let in: the hosts of a role, those who use the balancers, or those who look after the brokers. */
export type Audience = "brokers" | "balancers" | "clients" | "operators";

/** What is let in: TCP ports, one or a range, or VRRP (IP protocol 112). */
type Traffic =
  { readonly protocol: "tcp"; readonly ports: string } | { readonly protocol: "vrrp"; readonly ports: "-" };

/** What a role's hosts let in, and from whom. */
export type RoleOpening = Traffic & { readonly from: Audience };

/** What one host lets in: from one address or from anywhere. */
export type Opening = Traffic & { readonly from: string };

const tcp = (ports: number | string, ...sources: readonly Audience[]): RoleOpening[] =>
  sources.map((from) => ({ protocol: "tcp", ports: String(ports), from }));

/** What the brokers say to each other, and their command-line tools to them. */
const clusterPorts = [epmdPort, distributionPort, `${cliToolPorts.first}-${cliToolPorts.last}`];

/**
 * @returns exactly what the hosts of a role have to let in. Brokers ask each other at AMQP's port too whether they serve.
 * The page of metrics is for nobody: it asks for no password, and what asks it for alarms runs on the broker itself.
 */
export function roleOpenings({
  role,
  ...args
}: Omit<FirewallArgs, "host" | "brokers" | "balancers">): readonly RoleOpening[] {
  const { ports, statsPort, agentPort } = args;
  if (role === "balancer") {
    return [
      ...[ports.amqp, ports.management, statsPort].flatMap((port) => tcp(port, "clients")),
      { protocol: "vrrp", ports: "-", from: "balancers" },
    ];
  }
  return [
    ...tcp(ports.amqp, "balancers", "brokers"),
    ...tcp(ports.management, "operators", "balancers"),
    ...(agentPort === undefined ? [] : tcp(agentPort, "balancers")),
    ...clusterPorts.flatMap((port) => tcp(port, "brokers")),
  ];
}

/** @returns the same for one host's own firewall, where clients and operators may be anywhere */
export function openings({ host, brokers, balancers, ...args }: FirewallArgs): readonly Opening[] {
  const sources: Readonly<Record<Audience, readonly string[]>> = {
    clients: ["any"],
    operators: ["any"],
    brokers: brokers.filter((address) => address !== host.address),
    balancers: balancers.filter((address) => address !== host.address),
  };
  const all = roleOpenings(args).flatMap((opening): Opening[] =>
    sources[opening.from].map((from) => ({ ...opening, from })),
  );
  const forAll = all.filter(({ from }) => from === "any").map(({ ports }) => ports);
  return all.filter(({ ports, from }) => from === "any" || !forAll.includes(ports));
}

/**
 * Opens this, and nothing else, for good, in the firewall that runs on the host: firewalld, ufw, or nftables with a
 * chain for input that refuses something. Where none runs it does nothing. What it has opened before and is not wanted
 * any more is closed again; `agent/firewall.py` closes all of it at the end.
 */
export class Firewall extends Step {
  constructor(name: string, args: FirewallArgs, options: pulumi.CustomResourceOptions) {
    const { host } = args;
    const rules = openings(args).map(({ protocol, ports, from }) => `${protocol} ${ports} ${from}`);
    super(name, { host, subcommand: "firewall", options: { interface: host.interface, rules } }, options);
  }
}
