/** `platform: existing`: machines that are simply there, reached by SSH. */
import * as pulumi from "@pulumi/pulumi";
import type { ExistingPlatform } from "../../config/types.ts";
import { prepare } from "../../remote/preparation.ts";
import { Machine } from "../../remote/machine.ts";
import { Ready } from "../../remote/ready.ts";
import { warnOfEnd } from "../../hosts/systems.ts";
import type { Connection, Host, OperatingSystem, PackageSources } from "../../hosts/host.ts";
import { machineName } from "../../hosts/resource-names.ts";

/** What has been seen on a machine before anything was registered. */
export interface Found {
  /** The interface that carries the machine's address, and the prefix length of its network. */
  readonly interface: string;
  readonly prefixLength: number;
  /** The content of /etc/machine-id: another machine under the same address has another. */
  readonly machineId: string;
}

export interface ExistingArgs {
  readonly machines: readonly {
    readonly name: string;
    readonly address: string;
    readonly role: "broker" | "balancer";
  }[];
  readonly os: OperatingSystem;
  readonly platform: ExistingPlatform;
  /** The key that every machine, and the bastion, takes. */
  readonly privateKey: pulumi.Output<string>;
  /** By the machine's name. */
  readonly found: ReadonlyMap<string, Found>;
  readonly packages: PackageSources;
  /** TCP ports that the machines' own firewalls have to let in. */
  readonly ports: { readonly amqp: number; readonly management: number };
  readonly statsPort: number;
  /** @default the balancers do not ask for alarms */
  readonly agentPort?: number;
}

/** @returns how a machine is logged in to, with its pinned key and through the bastion where there is one */
export function connectionTo<Text>(
  machine: { readonly name: string; readonly address: string },
  { user, port, hostKeys, bastion }: ExistingPlatform,
  privateKey: Text,
): Connection<Text> {
  const pin = (...names: string[]): { readonly hostKey?: string } => {
    const hostKey = names.map((name) => hostKeys[name]).find((key) => key !== undefined);
    return hostKey === undefined ? {} : { hostKey };
  };
  return {
    host: machine.address,
    port,
    user,
    privateKey,
    ...pin(machine.address, machine.name),
    ...(bastion === undefined ? {} : { proxy: { ...bastion, privateKey, ...pin(bastion.host) } }),
  };
}

/** The machines of the user's own: made by nobody here, and left without a trace of the program but the brokers' data. */
class Existing extends pulumi.ComponentResource {
  readonly hosts: readonly Host[];

  constructor({ machines, os, platform, privateKey, found, packages, ...open }: ExistingArgs) {
    super("rabbitmq-ha:index:Existing", "existing", {});
    warnOfEnd(os);
    const addresses = (of: string): readonly string[] =>
      machines.filter(({ role }) => role === of).map(({ address }) => address);
    const stack = { brokers: addresses("broker"), balancers: addresses("balancer"), ...open };
    const child = { parent: this };
    this.hosts = machines.map((each) => {
      const { name, address, role } = each;
      const seen = found.get(name);
      if (seen === undefined) throw new Error(`nobody has looked at ${name}`);
      const connection = connectionTo(each, platform, privateKey);
      const sudo = platform.user !== "root";
      const machine = new Machine(
        machineName(name),
        {
          name,
          connection,
          sudo,
          identity: seen.machineId,
          role,
          purge: role === "broker" && platform.purge,
        },
        child,
      );
      const { interface: device, prefixLength, machineId } = seen;
      const host = {
        name,
        address,
        os,
        interface: device,
        prefixLength,
        connection,
        sudo,
        identity: machineId,
        machine,
        packages,
      };
      const ready = new Ready(host, { ...child, dependsOn: machine });
      // Whatever waits for a host waits for both.
      return { ...host, ready: prepare({ ...stack, role, host: { ...host, ready } }, child) };
    });
    this.registerOutputs({});
  }
}

/** @returns the machines as hosts, in the order in which they were given */
export function existingHosts(args: ExistingArgs): readonly Host[] {
  return new Existing(args).hosts;
}
