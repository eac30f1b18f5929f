/** One RabbitMQ broker on one host, member of a cluster. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { Names } from "../remote/names.ts";
import { brokerPackages, brokerUpgrade } from "../remote/packages.ts";
import { programPath } from "../remote/program.ts";
import { Step } from "../remote/step.ts";
import { oldSystemd } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { answerAgent, keepWatch, watchFiles } from "./broker-watch.ts";
import { brokerMemberName, brokerPluginsName, brokerServiceName } from "../hosts/resource-names.ts";

export interface RabbitNodeArgs {
  readonly host: Host;
  /** All hosts of the stack: each must find each by name. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  /** The names of all brokers, the one that forms the cluster first. The same list for every broker. */
  readonly brokers: readonly string[];
  /** Whether the node keeps its tables on disc or in memory (`ram`: RabbitMQ 3 only). @default disc */
  readonly type?: "disc" | "ram";
  /** The Erlang cookie that all brokers share: at most 255 letters and digits. */
  readonly cookie: pulumi.Input<string>;
  readonly plugins: readonly string[];
  /** Lines of rabbitmq.conf, key to value, over the program's own choices. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** TCP ports. */
  readonly ports: { readonly amqp: number; readonly management: number; readonly prometheus: number };
  /**
   * Seconds after which a silent node counts as gone (Erlang's `net_ticktime`; it takes 0.75 to 1.25 times as long).
   * Until then it holds up every publisher to its mirrors. A broker that stands still for longer without being dead,
   * as a virtual machine does while it is moved, is taken for gone and comes back as after a restart.
   */
  readonly netTickTime: number;
  /** TCP port at which HAProxy's agent check is told whether the broker is in alarm. @default none */
  readonly agentPort?: number;
  /** The broker before this one: members join, and later restart, in turn. @default this is the first */
  readonly previous?: RabbitNode;
  /** Another broker's host, from which this one is taken out of the cluster. @default there is no other */
  readonly survivor?: Host;
}

/**
 * What is chosen where `settings` says nothing: the minority of a partition stops instead of going its own way, and
 * publishers are held up before memory or disk runs out (https://www.rabbitmq.com/docs/alarms).
 */
const choices: Readonly<Record<string, string | number>> = {
  cluster_partition_handling: "pause_minority",
  "vm_memory_high_watermark.relative": 0.4,
  "disk_free_limit.absolute": "1GB",
};

/** @returns the settings with the program's choices where neither they nor a sibling of theirs (`x.absolute`) is set */
function withChoices(settings: RabbitNodeArgs["settings"]): { key: string; value: string }[] {
  const stem = (key: string): string => key.replace(/\.(relative|absolute)$/, "");
  const set = new Set(Object.keys(settings).map(stem));
  const chosen = Object.entries(choices).filter(([key]) => !set.has(stem(key)));
  return [...chosen, ...Object.entries(settings)].map(([key, value]) => ({ key, value: String(value) }));
}

/** @returns the brokers that one asks for the cluster at its first start */
function asked(name: string, brokers: readonly string[]): readonly string[] {
  return name === brokers[0] ? brokers.slice(1) : brokers.slice(0, 1);
}

/**
 * How long an Erlang node tries to reach one that does not answer, in seconds (`net_setuptime`, 7 by default): whoever
 * sends to a node that has just been given up waits for this once more.
 */
const setupTime = 3;

/**
 * @returns rabbitmq.conf. The first broker asks the others briefly and then forms the cluster, so that it also finds
 * back into an existing one; the others ask the first for up to a minute and never each other.
 */
function brokerConf({ host, brokers, ports, settings, type = "disc" }: RabbitNodeArgs): string {
  const patience = host.name === brokers[0] ? { retries: 2, pause: 500 } : { retries: 60, pause: 1000 };
  const peers = asked(host.name, brokers).map((name, index) => ({ number: index + 1, name }));
  return render("rabbitmq/rabbitmq.conf", {
    ports,
    settings: withChoices(settings),
    peers,
    type,
    ...patience,
  });
}

/**
 * A broker: names, package, cookie and configuration, first start, membership, and from then on a restart in turn
 * whenever a file that needs one has changed, or the stated version of its package; it is drained before. Before its
 * machine is replaced by another one it leaves the cluster; that is done from another broker, since its own machine may
 * be dead. Its host sees to it that a former member without data never serves alone, and restarts a broker that for 20 s
 * has not served beside a cluster that does.
 *
 * @example
 * new RabbitNode("cent120", { host, peers, brokers: ["cent120", "cent121", "cent122"], cookie, plugins, … });
 */
export class RabbitNode extends pulumi.ComponentResource {
  readonly name: string;
  readonly host: Host;
  /** That the broker is a member and runs with its newest configuration. */
  readonly member: pulumi.Resource;
  /** A text that changes with whatever the broker is restarted for. */
  readonly content: string;
  /** That its host watches over it. */
  readonly watch: pulumi.Resource;

  constructor(name: string, args: RabbitNodeArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:RabbitNode", name, {}, options);
    const { host, peers, brokers, type = "disc", plugins, netTickTime, previous, survivor } = args;
    const child = { parent: this };
    const on = (dependsOn: readonly pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      ...child,
      dependsOn: [...dependsOn],
    });
    const file = (noun: string, path: string, content: string): File =>
      new File(`${name}-${noun}`, { host, path, content }, on([packages]));

    const names = new Names(`${name}-names`, { host, peers }, child);
    const packages = brokerPackages(name, host, on([names]));
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
      setupTime: Math.min(setupTime, netTickTime),
    });
    const unit = render("rabbitmq/rabbitmq-ha.conf", {
      program: programPath,
      oldSystemd: oldSystemd(host.os),
    });
    const metricsPort = args.agentPort === undefined ? 0 : args.ports.prometheus;
    const watch = watchFiles(
      { host, brokers, asked: asked(name, brokers), port: args.ports.amqp, metricsPort },
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
      on([cookie, enabled, watch.script, ...files]),
    );
    const member = new Step(
      brokerMemberName(name),
      { host, subcommand: "member", options: { brokers, type, port: args.ports.amqp } },
      on([service, ...(previous === undefined ? [] : [previous.member])]),
    );
    const content = createHash("sha256")
      .update(conf.replaceAll(/^cluster_formation.*\n/gm, ""))
      .update(advanced)
      .update(unit)
      .digest("hex");
    const restart = new Step(
      `${name}-restart`,
      { host, subcommand: "restart", options: brokerUpgrade(host), stdin: content },
      on([member]),
    );
    if (survivor !== undefined) {
      const undo = { subcommand: "leave", options: { broker: name, brokers } };
      new Step(
        `${name}-leave`,
        { host: survivor, about: host, undo },
        { ...on([restart]), deleteBeforeReplace: true },
      );
    }
    this.watch = keepWatch(host, watch.content, on([service, watch.script, watch.unit]));
    if (args.agentPort !== undefined) answerAgent(host, args.agentPort, on([watch.script]));
    this.name = name;
    this.host = host;
    this.member = restart;
    this.content = content + (host.packages?.brokerVersion ?? "");
    this.registerOutputs({});
  }
}

/** What all brokers of a cluster have in common. */
export type CommonArgs = Omit<RabbitNodeArgs, "host" | "brokers" | "type" | "previous" | "survivor">;

/**
 * Makes one broker of each host, named as the host. They start side by side; the first forms the cluster, and they
 * join, and later restart, one after the other in the order of the list.
 */
export function brokersInTurn(
  hosts: readonly { readonly host: Host; readonly type: "disc" | "ram" }[],
  common: CommonArgs,
): [RabbitNode, ...RabbitNode[]] {
  const brokers = hosts.map(({ host }) => host.name);
  const nodes: RabbitNode[] = [];
  for (const { host, type } of hosts) {
    const previous = nodes.at(-1);
    const survivor = hosts.map((each) => each.host).find((other) => other !== host);
    const turn = {
      ...(previous === undefined ? {} : { previous }),
      ...(survivor === undefined ? {} : { survivor }),
    };
    nodes.push(new RabbitNode(host.name, { ...common, host, type, brokers, ...turn }));
  }
  const [first, ...others] = nodes;
  if (first === undefined) throw new pulumi.RunError("a cluster needs at least one broker");
  return [first, ...others];
}
