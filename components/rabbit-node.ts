/** One RabbitMQ broker on one host, a member of the cluster. */
import { advancedConfigFile, brokerHome, configFile, furtherConfigFolder } from "../hosts/broker-paths.ts";
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import type { Ports, TlsPorts } from "../hosts/protocol-ports.ts";
import { File } from "../remote/file.ts";
import { HostNames } from "../remote/names.ts";
import { installBrokerPackages, brokerUpgradeOptions } from "../remote/packages.ts";
import { programPath } from "../remote/program.ts";
import { Step } from "../remote/step.ts";
import {
  type BrokerConfiguration,
  brokerSecrets,
  discoveryPeers,
  partitionHandling,
  renderBrokerConfiguration,
} from "./broker-configuration.ts";
import { installAgentCheck, installWatch, writeWatchFiles, type WatchFiles } from "./broker-watch.ts";
import {
  brokerCertificatesName,
  brokerCookieName,
  brokerInterNodeName,
  brokerMemberName,
  brokerPluginsName,
  brokerServiceName,
  cookieStepName,
} from "../hosts/resource-names.ts";

export interface RabbitNodeArgs {
  readonly host: Host;
  /** All hosts of the stack: each must resolve the names of all. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  /** The names of all brokers; the first one forms the cluster. The same list for every broker. */
  readonly brokers: readonly string[];
  /** Whether the node keeps its metadata on disc or in memory (`ram`: RabbitMQ 3 only). @default disc */
  readonly type?: "disc" | "ram";
  /** The Erlang cookie that all brokers share: at most 255 letters and digits. */
  readonly cookie: pulumi.Input<string>;
  /** Done once the running brokers have the cookie. @default they have always had it */
  readonly cookieChange?: pulumi.Resource;
  readonly plugins: readonly string[];
  /** The archives of plug-ins that do not come with RabbitMQ. @default none */
  readonly pluginFiles?: readonly { readonly url: string; readonly sha256: string }[];
  /** Lines of rabbitmq.conf, key to value, which override the program's defaults. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Further lines with secrets, kept apart in a file that only root and the broker can read. @default none */
  readonly secretSettings?: pulumi.Output<Readonly<Record<string, string | number | boolean>>>;
  /** Further terms of advanced.config, application by application, each with its settings as Erlang terms. @default none */
  readonly advanced?: readonly { readonly name: string; readonly settings: readonly string[] }[];
  readonly ports: Ports;
  /**
   * Seconds after which a silent node counts as gone (Erlang's `net_ticktime`; it takes 0.75 to 1.25 times as long).
   * Until then it blocks every publisher to the queues that it mirrors. A broker that is only paused for longer, as a
   * virtual machine is during a live migration, also counts as gone and comes back as after a restart.
   */
  readonly netTickTime: number;
  /** Whether the metadata store can be Mnesia; only it needs a partition handling. @default true */
  readonly hasMnesia?: boolean;
  /** TCP port that tells HAProxy's agent check whether the broker is in alarm. @default none */
  readonly agentPort?: number;
  /** Whether a new broker expects each client's own address from its first start on. @default not configured */
  readonly proxyProtocol?: boolean;
  /** How it serves with TLS. @default no TLS */
  readonly tls?: TlsPorts & {
    /** By broker: its certificate with its key, PEM. */
    readonly certificates: Readonly<Record<string, pulumi.Input<string>>>;
    /** The CA certificates that clients' certificates are checked against, PEM. */
    readonly authorities: pulumi.Input<string>;
    /** Whether the brokers speak TLS with each other; it stays as it was at the cluster's first start. */
    readonly interNode: boolean;
  };
  /** The broker before this one: brokers join, and later restart, one after the other. @default this is the first */
  readonly previous?: RabbitNode;
  /** Another broker's host, where the command runs that takes this broker out of the cluster. @default there is no other */
  readonly leaveRunsOn?: Host;
}

/**
 * A broker: names, package, cookie and configuration, first start, membership. Later it is drained and restarted, one
 * broker at a time, whenever a file that needs a restart or the stated version of its package has changed. It leaves the
 * cluster before its machine is replaced by another one; another broker's host does this, since its own machine may be
 * dead. Before each start its host checks that a former member without data would not serve
 * alone. A watch service restarts a broker that has not served for 20 s while the cluster does.
 *
 * @example
 * new RabbitNode("cent120", {
 *   host,
 *   peers,
 *   brokers: ["cent120", "cent121", "cent122"],
 *   cookie,
 *   plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
 *   settings: { channel_max: 1000 },
 *   ports: defaultPorts,
 *   netTickTime: 5,
 * });
 */
export class RabbitNode extends pulumi.ComponentResource {
  readonly name: string;
  readonly host: Host;
  /** Done once the broker is a member and runs with its newest configuration. */
  readonly ready: pulumi.Resource;
  /** Changes whenever something changes that needs a restart: the configuration, or the package's stated version. */
  readonly configurationHash: pulumi.Input<string>;
  /** Done once the watch service runs on its host. */
  readonly watch: pulumi.Resource;

  readonly #args: RabbitNodeArgs;

  constructor(name: string, args: RabbitNodeArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:RabbitNode", name, {}, options);
    this.#args = args;
    this.name = name;
    this.host = args.host;
    const configuration = renderBrokerConfiguration(args);
    const secrets = args.secretSettings?.apply(brokerSecrets);
    const hash = hashWith(configuration.hash, secrets, fileList(args.pluginFiles));
    this.configurationHash = pulumi
      .output(hash)
      .apply((text) => text + (args.host.packages?.brokerVersion ?? ""));

    const packages = this.#installPackages();
    const watchFiles = this.#writeWatchFiles(packages);
    const service = this.#start([
      ...this.#writeCookieAndPlugins(packages),
      watchFiles.conf,
      ...this.#writeConfiguration(configuration, packages),
      this.#writeSecrets(secrets ?? brokerSecrets({}), packages),
      ...this.#writeCertificates(packages),
      ...this.#writeProxyProtocol(packages),
      ...this.#leaveBeforeReplacement(),
    ]);
    const member = this.#join(service);
    this.ready = this.#restartOnChange(hash, member);
    // The port that it watches may be one that the broker opens by its restart.
    this.watch = this.#startWatch(watchFiles, args.tls === undefined ? service : this.ready);
    this.registerOutputs({});
  }

  #dependingOn(...dependsOn: readonly pulumi.Resource[]): pulumi.CustomResourceOptions {
    return { parent: this, dependsOn: [...dependsOn] };
  }

  /** The names come first: RabbitMQ's package starts the broker, which must resolve its own. */
  #installPackages(): pulumi.Resource {
    const { host, peers } = this.#args;
    const names = new HostNames(`${this.name}-names`, { host, peers }, { parent: this });
    return installBrokerPackages(this.name, host, this.#dependingOn(names));
  }

  /** The cookie by which the brokers know each other, and the plug-ins, which need it. */
  #writeCookieAndPlugins(packages: pulumi.Resource): pulumi.Resource[] {
    const { host, plugins, cookieChange } = this.#args;
    const cookie = new File(
      brokerCookieName(this.name),
      {
        host,
        path: `${brokerHome}/.erlang.cookie`,
        owner: "rabbitmq:rabbitmq",
        mode: "0400",
        content: this.#args.cookie,
        unlessRunning: "rabbitmq-server",
      },
      this.#dependingOn(packages, ...(cookieChange === undefined ? [] : [cookieChange])),
    );
    const enabled = new Step(
      brokerPluginsName(this.name),
      { host, subcommand: "plugins", options: { plugins } },
      this.#dependingOn(packages, cookie, ...this.#fetchPluginFiles(packages)),
    );
    return [cookie, enabled];
  }

  #fetchPluginFiles(packages: pulumi.Resource): pulumi.Resource[] {
    const { host, plugins, pluginFiles = [] } = this.#args;
    if (pluginFiles.length === 0) return [];
    const step = new Step(
      `${this.name}-plugin-files`,
      {
        host,
        subcommand: "plugin-files",
        options: { plugins, proxy: host.packages?.proxy },
        stdin: `${fileList(pluginFiles)}end\n`,
      },
      this.#dependingOn(packages, this.#removal("plugin-files")),
    );
    return [step];
  }

  /**
   * Removes what a step of this subcommand has written, once the broker has none any more. It is a resource of its own: a
   * repair re-runs none that has an undo. It is deleted after the step, which so writes again if a run is cut off between
   * the two and then taken back.
   */
  #removal(subcommand: "plugin-files" | "certificates"): pulumi.Resource {
    return new Step(
      `${this.name}-${subcommand}-removal`,
      { host: this.#args.host, undo: { subcommand, options: { remove: true } } },
      { parent: this },
    );
  }

  #writeConfiguration(
    { conf, advanced, unit }: BrokerConfiguration,
    packages: pulumi.Resource,
  ): pulumi.Resource[] {
    const { host } = this.#args;
    const file = (suffix: string, path: string, content: string, more: { check?: string } = {}): File =>
      new File(`${this.name}-${suffix}`, { host, path, content, ...more }, this.#dependingOn(packages));
    const hasNoUserTerms = (this.#args.advanced ?? []).length === 0;
    const check = hasNoUserTerms ? {} : { check: `${programPath} check-advanced {}` };
    const portCheck = this.#args.tls?.only === true ? { check: `${programPath} check-tls-only {}` } : {};
    return [
      file("config", configFile, conf, portCheck),
      // The name is that of its first content; another one would replace the resource in people's states.
      file("tick-time", advancedConfigFile, advanced, check),
      file("limits", "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf", unit),
    ];
  }

  #writeSecrets(content: pulumi.Input<string>, packages: pulumi.Resource): pulumi.Resource {
    return new File(
      `${this.name}-secret-settings`,
      {
        host: this.#args.host,
        path: `${furtherConfigFolder}/rabbitmq-ha-secrets.conf`,
        owner: "root:rabbitmq",
        mode: "0640",
        content,
      },
      this.#dependingOn(packages),
    );
  }

  /** Written before the broker's start; a running one presents them at once, without a restart. */
  #writeCertificates(packages: pulumi.Resource): pulumi.Resource[] {
    const { host, tls, brokers } = this.#args;
    if (tls === undefined) return [];
    const step = new Step(
      brokerCertificatesName(this.name),
      {
        host,
        subcommand: "certificates",
        options: { ports: Object.values(tls.ports).map(String) },
        stdin: pulumi.interpolate`${tls.certificates[this.name] ?? ""}--authorities--\n${tls.authorities}--end--\n`,
      },
      this.#dependingOn(packages, this.#removal("certificates")),
    );
    return [
      step,
      new Step(
        brokerInterNodeName(this.name),
        { host, subcommand: "inter-node", options: { brokers, tls: tls.interNode } },
        this.#dependingOn(step),
      ),
    ];
  }

  /** A broker that has been a member changes in its turn (ProxyProtocol). */
  #writeProxyProtocol(packages: pulumi.Resource): pulumi.Resource[] {
    const { host, proxyProtocol } = this.#args;
    if (proxyProtocol === undefined) return [];
    const options = { first: true, header: proxyProtocol };
    return [
      new Step(
        `${this.name}-proxy-protocol-first`,
        { host, subcommand: "proxy-protocol", options },
        this.#dependingOn(packages),
      ),
    ];
  }

  #writeWatchFiles(packages: pulumi.Resource): WatchFiles {
    const { host, brokers, ports, agentPort, settings } = this.#args;
    return writeWatchFiles(
      {
        host,
        brokers,
        discoveryPeers: discoveryPeers(this.name, brokers),
        port: ports.amqp,
        metricsPort: agentPort === undefined ? 0 : ports.prometheus,
        pausesMinority: partitionHandling(settings) === "pause_minority",
      },
      this.#dependingOn(packages),
    );
  }

  #start(files: readonly pulumi.Resource[]): pulumi.Resource {
    const { host, brokers, ports } = this.#args;
    return new Step(
      brokerServiceName(this.name),
      { host, subcommand: "start", options: { brokers, port: ports.amqp } },
      this.#dependingOn(...files),
    );
  }

  #join(service: pulumi.Resource): pulumi.Resource {
    const { host, brokers, type = "disc", ports, previous } = this.#args;
    return new Step(
      brokerMemberName(this.name),
      { host, subcommand: "member", options: { brokers, type, port: ports.amqp } },
      this.#dependingOn(service, ...(previous === undefined ? [] : [previous.ready])),
    );
  }

  #restartOnChange(hash: pulumi.Input<string>, member: pulumi.Resource): pulumi.Resource {
    const { host } = this.#args;
    return new Step(
      `${this.name}-restart`,
      { host, subcommand: "restart", options: brokerUpgradeOptions(host), stdin: hash },
      this.#dependingOn(member),
    );
  }

  /**
   * Possible only with another broker, from whose host it is taken out of the cluster. The start depends on it, so the
   * start's and the join's resources are deleted before: cut off after the leave, the next run makes them, and so joins
   * the broker again.
   */
  #leaveBeforeReplacement(): pulumi.Resource[] {
    const { host, brokers, leaveRunsOn } = this.#args;
    if (leaveRunsOn === undefined) return [];
    const undo = { subcommand: "leave", options: { broker: this.name, brokers } };
    const leave = new Step(
      `${this.name}-leave`,
      { host: leaveRunsOn, replacedTogetherWith: host, undo },
      this.#dependingOn(...host.ready),
    );
    return [leave];
  }

  #startWatch({ conf, unit, configurationHash }: WatchFiles, service: pulumi.Resource): pulumi.Resource {
    const { host, agentPort } = this.#args;
    if (agentPort !== undefined) installAgentCheck(host, agentPort, this.#dependingOn(conf));
    return installWatch(host, configurationHash, this.#dependingOn(service, conf, unit));
  }
}

/** @returns the list of plug-ins' files as their step reads it, without its last line */
function fileList(files: RabbitNodeArgs["pluginFiles"] = []): string {
  return files.map(({ url, sha256 }) => `${sha256} ${url}\n`).join("");
}

/** @returns the hash of all files; without secrets and plug-ins' files that of the others, with secrets a secret one */
function hashWith(
  open: string,
  secrets: pulumi.Output<string> | undefined,
  pluginFiles: string,
): pulumi.Input<string> {
  const hash = (more: string): string =>
    more === "" ? open : createHash("sha256").update(open).update(more).digest("hex");
  return secrets === undefined ? hash(pluginFiles) : secrets.apply((text) => hash(text + pluginFiles));
}

/** The arguments that all brokers of a cluster have in common. */
export type CommonNodeArgs = Omit<
  RabbitNodeArgs,
  "host" | "brokers" | "type" | "previous" | "leaveRunsOn" | "cookieChange"
> & {
  /** Above 1, running brokers are given the cookie; else it is only in their files. @default 1 */
  readonly cookieRenewal?: number;
};

/** Has the running brokers take another cookie without a restart, before it is in their files. */
function changeCookie(
  host: Host,
  brokers: readonly string[],
  { cookie, cookieRenewal = 1, ports }: CommonNodeArgs,
): { readonly cookieChange?: pulumi.Resource } {
  if (cookieRenewal === 1) return {};
  const args = { host, subcommand: "cookie", options: { brokers, port: ports.amqp }, stdin: cookie };
  return { cookieChange: new Step(cookieStepName, args, {}) };
}

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
  const [first] = hosts;
  const change = first === undefined ? {} : changeCookie(first.host, brokers, common);
  for (const { host, type } of hosts) {
    const previous = nodes.at(-1);
    const leaveRunsOn = hosts.map((each) => each.host).find((other) => other !== host);
    const neighbours = {
      ...(previous === undefined ? {} : { previous }),
      ...(leaveRunsOn === undefined ? {} : { leaveRunsOn }),
    };
    nodes.push(new RabbitNode(host.name, { ...common, ...change, host, type, brokers, ...neighbours }));
  }
  const [head, ...others] = nodes;
  if (head === undefined) throw new pulumi.RunError("a cluster needs at least one broker");
  return [head, ...others];
}
