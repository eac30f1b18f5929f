/** What a host's own firewall has to let in, as one resource. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { Script } from "./script.ts";

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

/** What is let in: TCP ports, one or a range, or VRRP (IP protocol 112); from one address or from anywhere. */
export type Opening =
  | { readonly protocol: "tcp"; readonly ports: string; readonly from: string }
  | { readonly protocol: "vrrp"; readonly ports: "-"; readonly from: string };

const tcp = (ports: number | string, ...sources: readonly string[]): Opening[] =>
  sources.map((from) => ({ protocol: "tcp", ports: String(ports), from }));

/** epmd, Erlang's distribution and the CLI tools' own nodes (https://www.rabbitmq.com/docs/networking#ports). */
const clusterPorts = ["4369", "25672", "35672-35682"];

/**
 * @returns exactly what a host has to let in. Brokers ask each other at AMQP's port too whether they serve. The page of
 * metrics is for nobody: it asks for no password, and what asks it for alarms runs on the broker itself.
 */
export function openings({ host, role, ...args }: FirewallArgs): readonly Opening[] {
  const { ports, statsPort, agentPort } = args;
  const others = (addresses: readonly string[]): readonly string[] =>
    addresses.filter((address) => address !== host.address);
  const [brokers, balancers] = [others(args.brokers), others(args.balancers)];
  if (role === "balancer") {
    return [
      ...[ports.amqp, ports.management, statsPort].flatMap((port) => tcp(port, "any")),
      ...balancers.map((from) => ({ protocol: "vrrp" as const, ports: "-" as const, from })),
    ];
  }
  return [
    ...tcp(ports.amqp, ...balancers, ...brokers),
    ...tcp(ports.management, "any"),
    ...(agentPort === undefined ? [] : tcp(agentPort, ...balancers)),
    ...clusterPorts.flatMap((port) => tcp(port, ...brokers)),
  ];
}

/**
 * Opens this, and nothing else, for good, in the firewall that runs on the host: firewalld, ufw, or nftables with a
 * chain for input that refuses something. Where none runs it does nothing. What it has opened before and is not wanted
 * any more is closed again; `templates/remote/firewall-undo` closes all of it.
 */
export class Firewall extends Script {
  constructor(name: string, args: FirewallArgs, options: pulumi.CustomResourceOptions) {
    const { host } = args;
    const values = {
      interface: host.interface,
      rules: openings(args).map(({ protocol, ports, from }) => `${protocol} ${ports} ${from}`),
    };
    super(name, { host, template: "remote/firewall.sh", values, deadline: 120 }, options);
  }
}
