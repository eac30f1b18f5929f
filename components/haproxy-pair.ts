/** HAProxy on two or more balancers, in front of the brokers. */
import { partName, stepNames } from "../hosts/resource-names.ts";
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { haproxyConfigFile } from "../hosts/haproxy-paths.ts";
import type { Host } from "../hosts/host.ts";
import type { Frontend } from "../hosts/protocol-ports.ts";
import { File } from "../remote/file.ts";
import { HostNames } from "../remote/names.ts";
import { Packages } from "../remote/packages.ts";
import { Service, type TrackedFiles } from "../remote/service.ts";
import { Step } from "../remote/step.ts";
import { descriptorCheck, descriptorLimit } from "../hosts/descriptors.ts";
import { systems, type PackageRole } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import type { RabbitNode } from "./rabbit-node.ts";
import { haproxyBuildValues, haproxyUnitValues, type HaproxyUnitValues } from "./haproxy-unit.ts";

export interface HaproxyPairArgs {
  readonly hosts: readonly Host[];
  /** All hosts of the stack, whose names each balancer must resolve. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  readonly brokers: readonly { readonly name: string; readonly address: string }[];
  /** The address that one of the hosts holds: that host's HAProxy is restarted after the others'. */
  readonly virtualAddress: string;
  /** The same brokers as components. Each balancer waits until it sees all of them up, also after one has changed. */
  readonly nodes: readonly Pick<RabbitNode, "ready" | "configurationHash">[];
  /** The protocols to balance; a port is the same on balancers and brokers. */
  readonly frontends: readonly Pick<
    Frontend,
    "proxy" | "port" | "carriesMessages" | "follows" | "balance" | "readsProxyHeader"
  >[];
  /** Whether the brokers get each client's own address (ProxyProtocol changes a running HAProxy). @default no */
  readonly proxyProtocol?: boolean;
  /** What has to be done before HAProxy's configuration is written. @default nothing */
  readonly before?: readonly pulumi.Resource[];
  /** TCP port of each broker's agent check, which reports an alarm. @default no agent check */
  readonly agentPort?: number;
  /** The maximum of simultaneous connections: of the process, and of each proxy in it. */
  readonly maxConnections: { readonly global: number; readonly proxy: number };
  /** HAProxy's algorithm for the protocols that have none of their own, such as `roundrobin` or `leastconn`. */
  readonly balance: string;
  /** Between two checks of a broker that is up; HAProxy's notation, such as `5s`. */
  readonly checkInterval: string;
  /** Passed checks after which a broker is up. */
  readonly rise: number;
  /** Failed checks after which it is down. */
  readonly fall: number;
  /** HAProxy's notation. */
  readonly timeouts: { readonly connect: string; readonly client: string; readonly server: string };
  readonly statsPort: number;
  /** Starts with a slash. */
  readonly statsPath: string;
  readonly statsRefresh: string;
  /** The password of the user `admin` on the statistics page. @default the page is open */
  readonly statsPassword?: pulumi.Input<string>;
  /** Packages that other components need on these hosts, installed in the same run: two runs take longer. @default none */
  readonly extraPackages?: readonly PackageRole[];
  /** The tarball to compile HAProxy from. @default the system's package */
  readonly source?: { readonly version: string; readonly url: string; readonly sha256: string };
}

/** What the host needs to compile HAProxy, or to install its package. `socat` queries HAProxy's socket. */
const sourceRoles: readonly PackageRole[] = ["build", "socat"];
const packageRoles: readonly PackageRole[] = ["haproxy", "socat"];

const statsPath = "/etc/haproxy/stats.cfg";
const dropIn = "/etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf";
const unitPath = "/etc/systemd/system/haproxy.service";

/** One host's HAProxy. */
interface InstalledBalancer {
  readonly host: Host;
  readonly installed: pulumi.Resource;
  readonly service: Service;
  readonly trackedFiles: TrackedFiles;
  /** A hash of its files. */
  readonly configurationHash: pulumi.Output<string>;
}

/**
 * HAProxy for the brokers' protocols, and a statistics page on each balancer's own address. A configuration that
 * HAProxy refuses never replaces the running one; a valid one is reloaded, and connections stay. If a restart is needed,
 * the host that holds the virtual address restarts after the others. HAProxy reads a new list of brokers only once all
 * of them are members.
 *
 * @example
 * new HaproxyPair("haproxy", {
 *   hosts: balancers,
 *   peers,
 *   brokers,
 *   nodes,
 *   virtualAddress: "192.168.56.100",
 *   frontends: [{ proxy: "rabbitmq_cluster", port: 5672, carriesMessages: true }],
 *   maxConnections: { global: 5120, proxy: 2000 },
 *   balance: "roundrobin",
 *   checkInterval: "5s",
 *   rise: 2,
 *   fall: 2,
 *   timeouts: { connect: "2s", client: "3h", server: "3h" },
 *   statsPort: 8100,
 *   statsPath: "/rabbitmq-stats",
 *   statsRefresh: "5s",
 * });
 */
export class HaproxyPair extends pulumi.ComponentResource {
  /** Per host, in their order: done once its packages are installed. */
  readonly installed: readonly pulumi.Resource[];
  /** Per host, in their order: done once its HAProxy runs with the current list of brokers and sees them up. */
  readonly serving: readonly pulumi.Resource[];

  constructor(name: string, args: HaproxyPairArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:HaproxyPair", name, {}, options);
    const balancers = args.hosts.map((host) => this.#balancer(partName(name, host.name), host, args));
    const services = balancers.map(({ service }) => service);
    this.installed = balancers.map(({ installed }) => installed);
    this.serving = balancers.map(
      ({ host, trackedFiles, configurationHash }) =>
        new Step(
          `${partName(name, host.name)}-serving`,
          {
            host,
            subcommand: "serving",
            options: { unit: "haproxy", ...trackedFiles, patience: 30 },
            stdin: pulumi
              .all([configurationHash, ...args.nodes.map((node) => node.configurationHash)])
              .apply((hashes) => checksum(...hashes)),
          },
          { parent: this, dependsOn: [...services, ...args.nodes.map((node) => node.ready)] },
        ),
    );
    this.registerOutputs({});
  }

  #balancer(prefix: string, host: Host, args: HaproxyPairArgs): InstalledBalancer {
    const { source, extraPackages = [] } = args;
    const unitValues = haproxyUnitValues(host.os, source?.version);
    const { binary, chroot } = unitValues;
    const on = (...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      parent: this,
      dependsOn,
    });

    const names = new HostNames(`${prefix}-names`, { host, peers: args.peers }, on());
    const packages = new Packages(
      `${prefix}-packages`,
      { host, roles: [...(source === undefined ? packageRoles : sourceRoles), ...extraPackages] },
      on(names),
    );
    const installed =
      source === undefined ? packages : this.#build(prefix, host, source, unitValues, on(packages));
    const selinuxSteps = systems[host.os].selinux
      ? [new Step(`${prefix}-selinux`, { host, subcommand: "selinux" }, on(installed))]
      : [];
    const trackedFiles: TrackedFiles = {
      restart: source === undefined ? [dropIn] : [dropIn, unitPath, `${chroot}/rabbitmq-ha.built`],
      reload: [haproxyConfigFile, statsPath],
    };
    const limit = descriptorLimit(args.maxConnections.global);
    const unit = render("haproxy/rabbitmq-ha.conf", {
      ...unitValues,
      unit: "haproxy",
      watched: trackedFiles,
      neededAddress: "",
      descriptorLimit: limit,
    });
    // CentOS 7's systemd-run does not wait for the command.
    const check = limit > 0 && !unitValues.oldSystemd ? { check: descriptorCheck(limit) } : {};
    const dropInFile = new File(
      `${prefix}-unit`,
      { host, path: dropIn, content: unit, ...check },
      on(installed),
    );
    const cfg = haproxyCfg(args, chroot);
    const config = new File(
      stepNames.config(prefix),
      {
        host,
        path: haproxyConfigFile,
        content: cfg,
        check: `${binary} -c -f {}`,
      },
      // HAProxy would not start with more connections than its unit allows.
      on(installed, ...(limit > 0 ? [dropInFile] : []), ...(args.before ?? [])),
    );
    const statsText = statsCfg(host, args);
    const stats = new File(
      `${prefix}-stats`,
      {
        host,
        path: statsPath,
        mode: "0600",
        content: statsText,
        // Quietly (-q), since its messages about this file may contain the password.
        check: `${binary} -c -q -f ${haproxyConfigFile} -f {}`,
      },
      on(config),
    );
    const content = pulumi.output(statsText).apply((text) => checksum(cfg, text, unit, source?.sha256));
    // HAProxy starts while the brokers do. A changed configuration is reloaded later, by the step `serving`.
    const service = new Service(
      stepNames.service(prefix),
      {
        host,
        unit: "haproxy",
        trackedFiles,
        heldAddress: args.virtualAddress,
        changeMarker: checksum(unit, source?.sha256),
      },
      on(config, stats, dropInFile, ...selinuxSteps),
    );
    return { host, installed: packages, service, trackedFiles, configurationHash: content };
  }

  #build(
    prefix: string,
    host: Host,
    source: NonNullable<HaproxyPairArgs["source"]>,
    unitValues: HaproxyUnitValues,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const { version } = source;
    const build = new Step(
      `${prefix}-build`,
      {
        host,
        subcommand: "build-haproxy",
        options: {
          ...source,
          ...haproxyBuildValues(version),
          prefix: unitValues.chroot,
          proxy: host.packages?.proxy,
        },
      },
      options,
    );
    const unit = render("haproxy/haproxy.service", {
      ...unitValues,
      ...haproxyBuildValues(version),
      version,
    });
    return new File(
      `${prefix}-source-unit`,
      { host, path: unitPath, content: unit },
      { parent: this, dependsOn: build },
    );
  }
}

/** @returns haproxy.cfg, of the values that it shows */
function haproxyCfg(args: HaproxyPairArgs, chroot: string): string {
  const { brokers, frontends, agentPort = 0, maxConnections, balance, proxyProtocol = false } = args;
  const { checkInterval, rise, fall, timeouts } = args;
  return render("haproxy/haproxy.cfg", {
    brokers,
    frontends: frontends.map(
      (
        { proxy, port, carriesMessages, follows = "", balance: own = balance, readsProxyHeader = false },
        index,
      ) => ({
        isFirst: index === 0,
        proxy,
        port,
        carriesMessages,
        follows,
        balance: own,
        agentPort: carriesMessages ? agentPort : 0,
        sendsHeader: proxyProtocol && readsProxyHeader,
      }),
    ),
    maxConnections,
    checkInterval,
    rise,
    fall,
    timeouts,
    chroot,
  });
}

/** @returns the statistics page's section; a secret if it contains a password */
function statsCfg(host: Host, args: HaproxyPairArgs): pulumi.Input<string> {
  const { statsPassword: password, statsPort, statsPath: path, statsRefresh } = args;
  const values = { address: host.address, statsPort, statsPath: path, statsRefresh };
  if (password === undefined) return render("haproxy/stats.cfg", { ...values, password: "" });
  return pulumi
    .secret(password)
    .apply((plain) => render("haproxy/stats.cfg", { ...values, password: plain }));
}

/** @returns one hash of all the texts */
function checksum(...texts: readonly (string | undefined)[]): string {
  return createHash("sha256").update(texts.join("\0")).digest("hex");
}
