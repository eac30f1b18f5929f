/** The virtual address, which one balancer at a time holds by VRRP. */
import { partName, stepNames } from "../hosts/resource-names.ts";
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { AddressMove, Host, HostAddress } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { Packages } from "../remote/packages.ts";
import { currentProgramFolder as program } from "../remote/program.ts";
import { Service, type TrackedFiles } from "../remote/service.ts";
import { Step } from "../remote/step.ts";
import { systemdValues, systems, type PackageRole } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import type { RabbitNode } from "./rabbit-node.ts";
import { installVrrpWatch } from "./vrrp-watch.ts";

export interface KeepalivedVipArgs {
  /** The balancers; the first has the highest priority and holds the address while it is healthy. */
  readonly hosts: readonly Host[];
  /** IPv4, a free one in the network in which the hosts speak VRRP. */
  readonly virtualAddress: string;
  /** @default that of the address at which the host speaks VRRP */
  readonly prefixLength?: number;
  /** 1–255, unique on the network (RFC 5798, section 5.2.3). */
  readonly virtualRouterId: number;
  /** Seconds between two advertisements, 0.01–40.95 (RFC 5798, section 5.2.7). */
  readonly advertisementInterval: number;
  /** Whether the host with the highest priority takes the address back once it has recovered. */
  readonly preempt: boolean;
  /** The TCP port at which the address must accept connections. */
  readonly port: number;
  /** The brokers. Before a balancer's machine goes, the first one's host judges whether clients can do without it. */
  readonly nodes: readonly Pick<RabbitNode, "host">[];
  /** Per host, in their order: the installation to wait for; installing one after the other is the quickest. */
  readonly installed: readonly pulumi.Resource[];
  /** Per host, in their order: done once its HAProxy serves. The address comes up after all of these. */
  readonly serving: readonly pulumi.Resource[];
  /** Further resources that the address waits for. */
  readonly after: readonly pulumi.Resource[];
}

/** The packages that Keepalived and its scripts need. */
export const keepalivedPackages: readonly PackageRole[] = ["keepalived", "arping", "socat"];

const configPath = "/etc/keepalived/keepalived.conf";
const dropIn = "/etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf";

/** @returns the path of the script that moves the address to a host */
function moveScriptPath({ os }: Host): string {
  return `${systems[os].keepalivedScripts}move-address`;
}

/** @returns the VRRP priority of the nth balancer: 150, 140, … */
export function vrrpPriority(index: number): number {
  return 150 - 10 * index;
}

/** @returns the address at which a host speaks VRRP; the virtual address is on the same interface */
function vrrpAddress(host: Host): HostAddress {
  return host.vrrp ?? host;
}

/** One host's Keepalived. */
interface InstalledKeepalived {
  readonly host: Host;
  readonly service: Service;
  /** The watch over it. */
  readonly watch: Service;
  readonly trackedFiles: TrackedFiles;
  /** A hash of what is only read at a restart. */
  readonly restartHash: string;
}

/**
 * Keepalived on every balancer. The first balancer whose HAProxy answers gets the address. The address comes up last
 * of all: the component is done once exactly one host holds it. If a restart is needed, that host restarts after the
 * others. A balancer's machine is replaced only if another balancer leads to a broker, or this one to none.
 *
 * @example
 * const { installed, serving } = haproxyPair;
 * new KeepalivedVip("virtual-address", {
 *   hosts: balancers,
 *   virtualAddress: "192.168.56.100",
 *   virtualRouterId: 51,
 *   advertisementInterval: 0.2,
 *   preempt: true,
 *   port: 5672,
 *   nodes,
 *   installed,
 *   serving,
 *   after: [...cluster.ready, mirrorPolicy.set],
 * });
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
    for (const { host, trackedFiles, restartHash } of instances) {
      const options = {
        unit: "keepalived",
        ...trackedFiles,
        address: virtualAddress,
        port,
        patience: 45,
        interface: vrrpAddress(host).interface,
        moved: host.moveAddress === undefined ? undefined : moveScriptPath(host),
      };
      new Step(
        `${partName(name, host.name)}-holder`,
        { host, subcommand: "holder", options, stdin: restartHash },
        { parent: this, dependsOn: instances.flatMap(({ service, watch }) => [service, watch]) },
      );
    }
    for (const instance of instances) this.#judgeBeforeReplacement(name, instance, args);
    this.registerOutputs({});
  }

  /** Its deletion comes before that of all else on the balancer, so it depends on the last of that. */
  #judgeBeforeReplacement(
    name: string,
    { host, service, watch }: InstalledKeepalived,
    args: KeepalivedVipArgs,
  ): void {
    const { hosts, nodes, port } = args;
    const [judge] = nodes;
    if (judge === undefined) return;
    const options = {
      balancer: host.name,
      at: host.address,
      others: hosts.filter((other) => other !== host).map(({ address }) => address),
      port,
    };
    new Step(
      `${partName(name, host.name)}-may-go`,
      { host: judge.host, replacedTogetherWith: host, undo: { subcommand: "may-go", options } },
      { parent: this, dependsOn: [service, watch] },
    );
  }

  #instance(prefix: string, host: Host, index: number, args: KeepalivedVipArgs): InstalledKeepalived {
    const { virtualAddress, virtualRouterId, advertisementInterval, preempt } = args;
    const on = (...dependsOn: pulumi.Resource[]): pulumi.CustomResourceOptions => ({
      parent: this,
      dependsOn,
    });
    const { keepalivedScripts: scripts } = systems[host.os];
    const checkPath = `${scripts}check-haproxy`;
    const revivePath = `${scripts}revive-haproxy`;
    const recordPath = `${scripts}record-state`;
    const trackedFiles: TrackedFiles = { restart: [dropIn], reload: [configPath, checkPath] };
    const check = render("keepalived/check-haproxy", { program });
    const revive = render("keepalived/revive-haproxy", { program });
    const record = render("keepalived/record-state", { program });
    const { moveAddress } = host;
    const vrrp = vrrpAddress(host);
    const unit = render("keepalived/rabbitmq-ha.conf", {
      unit: "keepalived",
      watched: trackedFiles,
      neededAddress: vrrp.address,
      ...systemdValues(host.os),
    });
    const conf = render("keepalived/keepalived.conf", {
      name: host.name,
      address: vrrp.address,
      check: checkPath,
      revive: revivePath,
      record: recordPath,
      priority: vrrpPriority(index),
      virtualAddress,
      virtualRouterId,
      advertisementInterval,
      preempt,
      // An address that a script moves may belong to none of the host's networks.
      prefixLength: args.prefixLength ?? (moveAddress === undefined ? vrrp.prefixLength : 32),
      move: moveAddress === undefined ? "" : moveScriptPath(host),
      takeBack: systems[host.os].keepalived > 1,
      interface: vrrp.interface,
      peers: args.hosts.filter((peer) => peer !== host).map((peer) => vrrpAddress(peer).address),
    });

    const previousInstallation = args.installed[index];
    const packages = new Packages(
      `${prefix}-packages`,
      { host, roles: [...keepalivedPackages, ...(moveAddress?.packageRoles ?? [])] },
      on(...(previousInstallation === undefined ? [] : [previousInstallation])),
    );
    const files = [
      new File(`${prefix}-check`, { host, path: checkPath, content: check, mode: "0755" }, on(packages)),
      new File(`${prefix}-revive`, { host, path: revivePath, content: revive, mode: "0755" }, on(packages)),
      new File(`${prefix}-state`, { host, path: recordPath, content: record, mode: "0755" }, on(packages)),
      new File(stepNames.config(prefix), { host, path: configPath, content: conf }, on(packages)),
      new File(`${prefix}-unit`, { host, path: dropIn, content: unit }, on(packages)),
      ...(moveAddress === undefined ? [] : [this.#move(prefix, host, moveAddress, on(packages))]),
    ];
    const content = createHash("sha256").update([conf, check, unit].join("\0")).digest("hex");
    const service = new Service(
      stepNames.service(prefix),
      { host, unit: "keepalived", trackedFiles, changeMarker: content, heldAddress: virtualAddress },
      on(...files, ...args.serving, ...args.after),
    );
    const restartHash = createHash("sha256").update(unit).digest("hex");
    const watch = installVrrpWatch(prefix, host, service, { parent: this, dependsOn: [packages] });
    return { host, service, watch, trackedFiles, restartHash };
  }

  #move(prefix: string, host: Host, { script }: AddressMove, options: pulumi.CustomResourceOptions): File {
    return new File(
      `${prefix}-move`,
      { host, path: moveScriptPath(host), content: script, mode: "0755" },
      options,
    );
  }
}
