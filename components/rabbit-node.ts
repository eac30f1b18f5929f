/** One RabbitMQ broker on one host, a member of the cluster. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { HostNames } from "../remote/names.ts";
import { installBrokerPackages, brokerUpgradeOptions } from "../remote/packages.ts";
import { programPath } from "../remote/program.ts";
import { Step } from "../remote/step.ts";
import { hasOldSystemd } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { installAgentCheck, installWatch, writeWatchFiles } from "./broker-watch.ts";
import { brokerMemberName, brokerPluginsName, brokerServiceName } from "../hosts/resource-names.ts";

export interface RabbitNodeArgs {
  readonly host: Host;
  /** All hosts of the stack: each must resolve the names of all. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  /** The names of all brokers; the first one forms the cluster. The same list for every broker. */
  readonly brokers: readonly string[];
  /** Whether the node keeps its tables on disc or in memory (`ram`: RabbitMQ 3 only). @default disc */
  readonly type?: "disc" | "ram";
  /** The Erlang cookie that all brokers share: at most 255 letters and digits. */
  readonly cookie: pulumi.Input<string>;
  readonly plugins: readonly string[];
  /** Lines of rabbitmq.conf, key to value, which override the program's defaults. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** TCP ports. */
  readonly ports: { readonly amqp: number; readonly management: number; readonly prometheus: number };
  /**
   * Seconds after which a silent node counts as gone (Erlang's `net_ticktime`; it takes 0.75 to 1.25 times as long).
   * Until then it blocks every publisher to the queues that it mirrors. A broker that is only paused for longer, as a
   * virtual machine is during a live migration, also counts as gone and comes back as after a restart.
   */
  readonly netTickTime: number;
  /** TCP port that tells HAProxy's agent check whether the broker is in alarm. @default none */
  readonly agentPort?: number;
  /** The broker before this one: brokers join, and later restart, one after the other. @default this is the first */
  readonly previous?: RabbitNode;
  /** Another broker's host, which has this broker forgotten by the cluster. @default there is no other */
  readonly forgettingHost?: Host;
}

/**
 * The program's defaults for `settings`: the minority of a partition pauses instead of running on alone, and publishers
 * are blocked before memory or disk runs out (https://www.rabbitmq.com/docs/alarms).
 */
const defaultSettings: Readonly<Record<string, string | number>> = {
  cluster_partition_handling: "pause_minority",
  "vm_memory_high_watermark.relative": 0.4,
  "disk_free_limit.absolute": "1GB",
};

/** @returns the settings and each default for which neither its key nor a variant of it (`x.absolute`) is set */
function withDefaults(settings: RabbitNodeArgs["settings"]): { key: string; value: string }[] {
  const stem = (key: string): string => key.replace(/\.(relative|absolute)$/, "");
  const set = new Set(Object.keys(settings).map(stem));
  const defaults = Object.entries(defaultSettings).filter(([key]) => !set.has(stem(key)));
  return [...defaults, ...Object.entries(settings)].map(([key, value]) => ({ key, value: String(value) }));
}

/** @returns the brokers that a broker asks for an existing cluster at its first start */
function discoveryPeers(name: string, brokers: readonly string[]): readonly string[] {
  return name === brokers[0] ? brokers.slice(1) : brokers.slice(0, 1);
}

/**
 * Seconds for which an Erlang node tries to connect to one that does not answer (`net_setuptime`, 7 by default). A
 * process that sends to a node that has just been declared down waits this long once more.
 */
const setupTimeSeconds = 3;

/**
 * @returns rabbitmq.conf. The first broker asks the others briefly, so that it rejoins an existing cluster, and else
 * forms a new one; the others ask the first for up to a minute and never each other.
 */
function brokerConf({ host, brokers, ports, settings, type = "disc" }: RabbitNodeArgs): string {
  const discoveryRetries =
    host.name === brokers[0] ? { retries: 2, pause: 500 } : { retries: 60, pause: 1000 };
  const peers = discoveryPeers(host.name, brokers).map((name, index) => ({ number: index + 1, name }));
  return render("rabbitmq/rabbitmq.conf", {
    ports,
    settings: withDefaults(settings),
    peers,
    type,
    ...discoveryRetries,
  });
}

/**
 * A broker: names, package, cookie and configuration, first start, membership. Later it is drained and restarted, one
 * broker at a time, whenever a file that needs a restart or the stated version of its package has changed. It leaves the
 * cluster before its machine is replaced by another one; another broker's host does this, since its own machine may be
 * dead. A watch service on its host keeps a former member without data from serving alone, and restarts a broker that
 * has not served for 20 s while the cluster does.
 *
 * @example
 * new RabbitNode("cent120", {
 *   host,
 *   peers,
 *   brokers: ["cent120", "cent121", "cent122"],
 *   cookie,
 *   plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
 *   settings: { channel_max: 1000 },
 *   ports: { amqp: 5672, management: 15672, prometheus: 15692 },
 *   netTickTime: 5,
 * });
 */
export class RabbitNode extends pulumi.ComponentResource {
  readonly name: string;
  readonly host: Host;
  /** Done once the broker is a member and runs with its newest configuration. */
  readonly ready: pulumi.Resource;
  /** A text that changes with everything for which the broker is restarted. */
  readonly configurationHash: string;
  /** Done once the watch service runs on its host. */
  readonly watch: pulumi.Resource;

  constructor(name: string, args: RabbitNodeArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:RabbitNode", name, {}, options);
    const { host, peers, brokers, type = "disc", plugins, netTickTime, previous, forgettingHost } = args;
    const child = { parent: this };
    const on = (dependsOn: readonly pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      ...child,
      dependsOn: [...dependsOn],
    });
    const file = (suffix: string, path: string, content: string): File =>
      new File(`${name}-${suffix}`, { host, path, content }, on([packages]));

    const names = new HostNames(`${name}-names`, { host, peers }, child);
    const packages = installBrokerPackages(name, host, on([names]));
    const cookie = new File(
      `${name}-cookie`,
      {
        host,
        path: "/var/lib/rabbitmq/.erlang.cookie",
        owner: "rabbitmq:rabbitmq",
        mode: "0400",
        content: args.cookie,
        unlessRunning: "rabbitmq-server",
      },
      on([packages]),
    );
    const conf = brokerConf(args);
    const advanced = render("rabbitmq/advanced.config", {
      netTickTime,
      setupTime: Math.min(setupTimeSeconds, netTickTime),
    });
    const unit = render("rabbitmq/rabbitmq-ha.conf", {
      program: programPath,
      oldSystemd: hasOldSystemd(host.os),
    });
    const metricsPort = args.agentPort === undefined ? 0 : args.ports.prometheus;
    const watch = writeWatchFiles(
      { host, brokers, discoveryPeers: discoveryPeers(name, brokers), port: args.ports.amqp, metricsPort },
      on([packages]),
    );
    const files = [
      file("config", "/etc/rabbitmq/rabbitmq.conf", conf),
      file("tick-time", "/etc/rabbitmq/advanced.config", advanced),
      file("limits", "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf", unit),
    ];
    const enabled = new Step(
      brokerPluginsName(name),
      { host, subcommand: "plugins", options: { plugins } },
      on([packages, cookie]),
    );
    const service = new Step(
      brokerServiceName(name),
      { host, subcommand: "start", options: { brokers, port: args.ports.amqp } },
      on([cookie, enabled, watch.conf, ...files]),
    );
    const member = new Step(
      brokerMemberName(name),
      { host, subcommand: "member", options: { brokers, type, port: args.ports.amqp } },
      on([service, ...(previous === undefined ? [] : [previous.ready])]),
    );
    const configurationHash = createHash("sha256")
      .update(conf.replaceAll(/^cluster_formation.*\n/gm, ""))
      .update(advanced)
      .update(unit)
      .digest("hex");
    const restart = new Step(
      `${name}-restart`,
      { host, subcommand: "restart", options: brokerUpgradeOptions(host), stdin: configurationHash },
      on([member]),
    );
    if (forgettingHost !== undefined) {
      const undo = { subcommand: "leave", options: { broker: name, brokers } };
      new Step(
        `${name}-leave`,
        { host: forgettingHost, replacedWith: host, undo },
        { ...on([restart]), deleteBeforeReplace: true },
      );
    }
    this.watch = installWatch(host, watch.configurationHash, on([service, watch.conf, watch.unit]));
    if (args.agentPort !== undefined) installAgentCheck(host, args.agentPort, on([watch.conf]));
    this.name = name;
    this.host = host;
    this.ready = restart;
    this.configurationHash = configurationHash + (host.packages?.brokerVersion ?? "");
    this.registerOutputs({});
  }
}

/** The arguments that all brokers of a cluster have in common. */
export type CommonNodeArgs = Omit<
  RabbitNodeArgs,
  "host" | "brokers" | "type" | "previous" | "forgettingHost"
>;

/**
 * Creates one broker for each host, named after the host. They start in parallel; the first forms the cluster, and the
 * others join, and all later restart, one after the other in the order of the list.
 */
export function createBrokers(
  hosts: readonly { readonly host: Host; readonly type: "disc" | "ram" }[],
  common: CommonNodeArgs,
): [RabbitNode, ...RabbitNode[]] {
  const brokers = hosts.map(({ host }) => host.name);
  const nodes: RabbitNode[] = [];
  for (const { host, type } of hosts) {
    const previous = nodes.at(-1);
    const forgettingHost = hosts.map((each) => each.host).find((other) => other !== host);
    const neighbours = {
      ...(previous === undefined ? {} : { previous }),
      ...(forgettingHost === undefined ? {} : { forgettingHost }),
    };
    nodes.push(new RabbitNode(host.name, { ...common, host, type, brokers, ...neighbours }));
  }
  const [first, ...others] = nodes;
  if (first === undefined) throw new pulumi.RunError("a cluster needs at least one broker");
  return [first, ...others];
}
