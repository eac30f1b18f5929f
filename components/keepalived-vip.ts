/** One virtual address that the balancers hold in turn, by VRRP. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { AddressMove, Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { Packages } from "../remote/packages.ts";
import { programCurrent as program } from "../remote/program.ts";
import { Service, type Watched } from "../remote/service.ts";
import { Step } from "../remote/step.ts";
import { oldSystemd, systems, type Noun } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";

export interface KeepalivedVipArgs {
  /** The balancers; the first has the highest priority and holds the address while it is well. */
  readonly hosts: readonly Host[];
  /** IPv4, a free one in the hosts' network. */
  readonly virtualAddress: string;
  /** @default that of the host's own address */
  readonly prefixLength?: number;
  /** 1–255, unique on the network (RFC 5798, section 5.2.3). */
  readonly virtualRouterId: number;
  /** Seconds between two advertisements, 0.01–40.95 (RFC 5798, section 5.2.7). */
  readonly advertisementInterval: number;
  /** Whether the host of the highest priority takes the address back once it is well again. */
  readonly preempt: boolean;
  /** The network interface that carries the address. @default that of the host's own address */
  readonly interface?: string;
  /** The TCP port at which the address must take connections. */
  readonly port: number;
  /** Per host, in their order: what has to be installed before; one installation at a time is the quickest. */
  readonly installed: readonly pulumi.Resource[];
  /** Per host, in their order: that its HAProxy is installed and serves. The address comes up after all of these. */
  readonly serving: readonly pulumi.Resource[];
  /** What else must be done before the address comes up. */
  readonly after: readonly pulumi.Resource[];
}

/** What Keepalived and its scripts need on a host. */
export const keepalivedPackages: readonly Noun[] = ["keepalived", "arping", "socat"];

const configPath = "/etc/keepalived/keepalived.conf";
const dropIn = "/etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf";

/** Where the script lies that brings the address to a host. */
function movePath({ os }: Host): string {
  return `${systems[os].keepalivedScripts}move-address`;
}

/** @returns the VRRP priority of the nth balancer: 150, 140, … */
export function priority(index: number): number {
  return 150 - 10 * index;
}

/** One host's Keepalived. */
interface Instance {
  readonly host: Host;
  readonly service: Service;
  readonly watched: Watched;
  /** A text that changes with what only a restart reads. */
  readonly started: string;
}

/**
 * Keepalived on every balancer. The address goes to the first balancer whose HAProxy answers, and comes up last of
 * all: the component is done when exactly one host has been seen to hold it. Where only a restart will do, that host has
 * its own after the others.
 *
 * @example
 * new KeepalivedVip("virtual-address", { hosts: balancers, virtualAddress: "192.168.56.100", serving, … });
 */
export class KeepalivedVip extends pulumi.ComponentResource {
  readonly virtualAddress: string;

  constructor(name: string, args: KeepalivedVipArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:KeepalivedVip", name, {}, options);
    this.virtualAddress = args.virtualAddress;
    const instances = args.hosts.map((host, index) =>
      this.#instance(`${name}-${host.name}`, host, index, args),
    );
    const { virtualAddress, port } = args;
    for (const { host, watched, started } of instances) {
      const options = {
        unit: "keepalived",
        ...watched,
        address: virtualAddress,
        port,
        patience: 45,
        interface: args.interface ?? host.interface,
        moved: host.moveAddress === undefined ? undefined : movePath(host),
      };
      new Step(
        `${name}-${host.name}-holder`,
        { host, subcommand: "holder", options, stdin: started },
        { parent: this, dependsOn: instances.map(({ service }) => service) },
      );
    }
    this.registerOutputs({});
  }

  #instance(prefix: string, host: Host, index: number, args: KeepalivedVipArgs): Instance {
    const { virtualAddress, virtualRouterId, advertisementInterval, preempt } = args;
    const on = (...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      parent: this,
      dependsOn,
    });
    const { keepalivedScripts: scripts } = systems[host.os];
    const checkPath = `${scripts}check-haproxy`;
    const revivePath = `${scripts}revive-haproxy`;
    const watched: Watched = { restart: [dropIn], reload: [configPath, checkPath] };
    const check = render("keepalived/check-haproxy", { program });
    const revive = render("keepalived/revive-haproxy", { program });
    const { moveAddress } = host;
    const unit = render("keepalived/rabbitmq-ha.conf", {
      unit: "keepalived",
      watched,
      oldSystemd: oldSystemd(host.os),
    });
    const conf = render("keepalived/keepalived.conf", {
      name: host.name,
      address: host.address,
      check: checkPath,
      revive: revivePath,
      priority: priority(index),
      virtualAddress,
      virtualRouterId,
      advertisementInterval,
      preempt,
      // An address that is moved may be one of no network that the host has.
      prefixLength: args.prefixLength ?? (moveAddress === undefined ? host.prefixLength : 32),
      move: moveAddress === undefined ? "" : movePath(host),
      takeBack: systems[host.os].keepalived > 1,
      interface: args.interface ?? host.interface,
      peers: args.hosts.filter((peer) => peer !== host).map(({ address }) => address),
    });

    const earlier = args.installed[index];
    const packages = new Packages(
      `${prefix}-packages`,
      { host, nouns: [...keepalivedPackages, ...(moveAddress?.needs ?? [])] },
      on(...(earlier === undefined ? [] : [earlier])),
    );
    const files = [
      new File(`${prefix}-check`, { host, path: checkPath, content: check, mode: "0755" }, on(packages)),
      new File(`${prefix}-revive`, { host, path: revivePath, content: revive, mode: "0755" }, on(packages)),
      new File(`${prefix}-config`, { host, path: configPath, content: conf }, on(packages)),
      new File(`${prefix}-unit`, { host, path: dropIn, content: unit }, on(packages)),
      ...(moveAddress === undefined ? [] : [this.#move(prefix, host, moveAddress, on(packages))]),
    ];
    const content = createHash("sha256").update([conf, check, unit].join("\0")).digest("hex");
    const service = new Service(
      `${prefix}-service`,
      { host, unit: "keepalived", watched, content, address: virtualAddress },
      on(...files, ...args.serving, ...args.after),
    );
    return { host, service, watched, started: createHash("sha256").update(unit).digest("hex") };
  }

  #move(prefix: string, host: Host, { script }: AddressMove, options: pulumi.CustomResourceOptions): File {
    return new File(`${prefix}-move`, { host, path: movePath(host), content: script, mode: "0755" }, options);
  }
}
