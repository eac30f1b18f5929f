/** HAProxy on two or more balancers, before the brokers. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { Names } from "../remote/names.ts";
import { Packages } from "../remote/packages.ts";
import { Service, type Watched } from "../remote/service.ts";
import { Step } from "../remote/step.ts";
import { systems, type Noun } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import type { RabbitNode } from "./rabbit-node.ts";
import { haproxyBuild, haproxyUnit, type HaproxyUnit } from "./haproxy-unit.ts";

export interface HaproxyPairArgs {
  readonly hosts: readonly Host[];
  /** All hosts of the stack, to be found by name. */
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  readonly brokers: readonly { readonly name: string; readonly address: string }[];
  /** The address that one of the hosts holds: that one's HAProxy is restarted after the others'. */
  readonly virtualAddress: string;
  /** The same brokers, as what says that they serve: each balancer is to see every one up, after a change of theirs too. */
  readonly nodes: readonly Pick<RabbitNode, "member" | "content">[];
  /** TCP ports, the same on balancers and brokers. */
  readonly ports: { readonly amqp: number; readonly management: number };
  /** TCP port at which each broker says that it is in alarm and takes no new connections. @default nobody is asked */
  readonly agentPort?: number;
  /** Most connections at a time: of the process, and of each proxy in it. */
  readonly maxConnections: { readonly global: number; readonly proxy: number };
  /** HAProxy's algorithm, such as `roundrobin` or `leastconn`. */
  readonly balance: string;
  /** Between two checks of a broker that is well; HAProxy's notation, such as `5s`. */
  readonly checkInterval: string;
  /** Good checks after which a broker is up. */
  readonly rise: number;
  /** Failed checks after which it is down. */
  readonly fall: number;
  /** HAProxy's notation. */
  readonly timeouts: { readonly connect: string; readonly client: string; readonly server: string };
  readonly statsPort: number;
  /** Starts with a slash. */
  readonly statsPath: string;
  readonly statsRefresh: string;
  /** Asked for on the statistics page, of the user `admin`. @default the page is open */
  readonly statsPassword?: pulumi.Input<string>;
  /** What others need on these hosts, installed in the same go: two runs take longer than one. @default none */
  readonly alongside?: readonly Noun[];
  /** The tarball to compile HAProxy from. @default the system's package */
  readonly source?: { readonly version: string; readonly url: string; readonly sha256: string };
}

/** `socat` asks HAProxy's socket. */
const fromSource: readonly Noun[] = ["build", "socat"];
const fromPackage: readonly Noun[] = ["haproxy", "socat"];

const configPath = "/etc/haproxy/haproxy.cfg";
const statsPath = "/etc/haproxy/stats.cfg";
const dropIn = "/etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf";
const unitPath = "/etc/systemd/system/haproxy.service";

/** One host's HAProxy. */
interface Balancer {
  readonly host: Host;
  readonly installed: pulumi.Resource;
  readonly service: Service;
  readonly watched: Watched;
  /** A text that changes with its files. */
  readonly content: pulumi.Output<string>;
}

/**
 * HAProxy for AMQP and for the management UI, and a statistics page on each balancer's own address. A configuration
 * that HAProxy itself refuses never takes the running one's place; a good one is reloaded, connections stay. Where only
 * a restart will do, the host that holds the virtual address has its own after the others. It reads a new list of brokers
 * when those are members, not before.
 *
 * @example
 * new HaproxyPair("haproxy", { hosts: balancers, brokers, nodes, ports: { amqp: 5672, management: 15672 }, … });
 */
export class HaproxyPair extends pulumi.ComponentResource {
  /** Per host, in their order: that its packages are installed. */
  readonly installed: readonly pulumi.Resource[];
  /** Per host, in their order: that its HAProxy runs, knows the brokers and sees them up. */
  readonly serving: readonly pulumi.Resource[];

  constructor(name: string, args: HaproxyPairArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:HaproxyPair", name, {}, options);
    const balancers = args.hosts.map((host) => this.#balancer(`${name}-${host.name}`, host, args));
    const services = balancers.map(({ service }) => service);
    this.installed = balancers.map(({ installed }) => installed);
    this.serving = balancers.map(
      ({ host, watched, content }) =>
        new Step(
          `${name}-${host.name}-serving`,
          {
            host,
            subcommand: "serving",
            options: { unit: "haproxy", ...watched, patience: 30 },
            stdin: content.apply((own) => checksum(own, ...args.nodes.map((node) => node.content))),
          },
          { parent: this, dependsOn: [...services, ...args.nodes.map(({ member }) => member)] },
        ),
    );
    this.registerOutputs({});
  }

  #balancer(prefix: string, host: Host, args: HaproxyPairArgs): Balancer {
    const { source, alongside = [] } = args;
    const how = haproxyUnit(host.os, source?.version);
    const { binary, chroot } = how;
    const on = (...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      parent: this,
      dependsOn,
    });

    const names = new Names(`${prefix}-names`, { host, peers: args.peers }, on());
    const packages = new Packages(
      `${prefix}-packages`,
      { host, nouns: [...(source === undefined ? fromPackage : fromSource), ...alongside] },
      on(names),
    );
    const installed = source === undefined ? packages : this.#build(prefix, host, source, how, on(packages));
    const permitted = systems[host.os].selinux
      ? [new Step(`${prefix}-selinux`, { host, subcommand: "selinux" }, on(installed))]
      : [];
    const cfg = render("haproxy/haproxy.cfg", { agentPort: 0, ...args, chroot });
    const config = new File(
      `${prefix}-config`,
      {
        host,
        path: configPath,
        content: cfg,
        check: `${binary} -c -f {}`,
      },
      on(installed),
    );
    const page = statsCfg(host, args);
    const stats = new File(
      `${prefix}-stats`,
      {
        host,
        path: statsPath,
        mode: "0600",
        content: page,
        // Quietly, since what it says of this one may have the password in it.
        check: `${binary} -c -q -f ${configPath} -f {}`,
      },
      on(config),
    );
    const watched: Watched = {
      restart: source === undefined ? [dropIn] : [dropIn, unitPath, `${chroot}/rabbitmq-ha.built`],
      reload: [configPath, statsPath],
    };
    const unit = render("haproxy/rabbitmq-ha.conf", { ...how, unit: "haproxy", watched });
    const limits = new File(`${prefix}-unit`, { host, path: dropIn, content: unit }, on(installed));
    const content = pulumi.output(page).apply((text) => checksum(cfg, text, unit, source?.sha256));
    // It starts beside the brokers; what is only to be read again waits for them.
    const service = new Service(
      `${prefix}-service`,
      {
        host,
        unit: "haproxy",
        watched,
        address: args.virtualAddress,
        content: checksum(unit, source?.sha256),
      },
      on(config, stats, limits, ...permitted),
    );
    return { host, installed: packages, service, watched, content };
  }

  #build(
    prefix: string,
    host: Host,
    source: NonNullable<HaproxyPairArgs["source"]>,
    how: HaproxyUnit,
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
          ...haproxyBuild(version),
          prefix: how.chroot,
          proxy: host.packages?.proxy,
        },
      },
      options,
    );
    const unit = render("haproxy/haproxy.service", { ...how, ...haproxyBuild(version), version });
    return new File(
      `${prefix}-source-unit`,
      { host, path: unitPath, content: unit },
      { parent: this, dependsOn: build },
    );
  }
}

/** @returns the statistics page's section; a secret when a password is in it */
function statsCfg(host: Host, args: HaproxyPairArgs): pulumi.Input<string> {
  const { statsPassword: password, statsPort, statsPath: path, statsRefresh } = args;
  const values = { address: host.address, statsPort, statsPath: path, statsRefresh };
  if (password === undefined) return render("haproxy/stats.cfg", { ...values, password: "" });
  return pulumi
    .secret(password)
    .apply((plain) => render("haproxy/stats.cfg", { ...values, password: plain }));
}

/** @returns a text that changes with any of these */
function checksum(...texts: readonly (string | undefined)[]): string {
  return createHash("sha256").update(texts.join("\0")).digest("hex");
}
