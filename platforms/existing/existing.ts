/** `platform: existing`: the user's own machines, reached by SSH. */
import * as pulumi from "@pulumi/pulumi";
import type { ExistingPlatform } from "../../config/types.ts";
import type { StackMark } from "../../remote/owner.ts";
import { prepareMachine } from "../../remote/preparation.ts";
import { Machine } from "../../remote/machine.ts";
import { makeReady, readyAfter } from "../../remote/ready.ts";
import { warnOfEndOfLife } from "../../hosts/systems.ts";
import type {
  Connection,
  Host,
  HostAddress,
  HostRole,
  OperatingSystem,
  PackageSources,
} from "../../hosts/host.ts";
import type { Frontend, MetricsAccess } from "../../hosts/protocol-ports.ts";
import type { BrokerPackage } from "../../hosts/rabbitmq-version.ts";
import { machineName } from "../../hosts/resource-names.ts";

/** What the precheck found on a machine, before anything was registered. */
export interface PrecheckedMachine {
  /** The interface that carries the machine's address, and the prefix length of its network. */
  readonly interface: string;
  readonly prefixLength: number;
  /** The machine-id at the time when the stack marked the machine; another machine at the same address has another one. */
  readonly identity: string;
  /** Of a balancer: the address at which it speaks VRRP. */
  readonly vrrp?: HostAddress;
  /** Of a broker: the package that it has or is offered. */
  readonly rabbitmq?: BrokerPackage;
}

export interface ExistingArgs {
  readonly machines: readonly {
    readonly name: string;
    readonly address: string;
    readonly role: HostRole;
  }[];
  readonly os: OperatingSystem;
  readonly platform: ExistingPlatform;
  /** The key for every machine and the bastion. */
  readonly privateKey: pulumi.Output<string>;
  /** By the machine's name. */
  readonly precheckedMachines: ReadonlyMap<string, PrecheckedMachine>;
  readonly packages: PackageSources;
  /** The stack that the machines are marked with. */
  readonly stack: StackMark;
  /** The names of the machines that are taken over from another stack. */
  readonly takeOver: readonly string[];
  /** TCP ports that the machines' own firewalls have to let in. */
  readonly frontends: readonly Frontend[];
  readonly statsPort: number;
  /** @default the balancers do not check brokers for alarms */
  readonly agentPort?: number;
  readonly metrics?: MetricsAccess;
}

/** @returns how to log in to a machine: with its pinned host key, and through the bastion, if it has them */
export function connectionTo<Text>(
  machine: { readonly name: string; readonly address: string },
  { user, port, hostKeys, bastion }: ExistingPlatform,
  privateKey: Text,
): Connection<Text> {
  const pinned = (...names: string[]): { readonly hostKey?: string } => {
    const hostKey = names.map((name) => hostKeys[name]).find((key) => key !== undefined);
    return hostKey === undefined ? {} : { hostKey };
  };
  return {
    host: machine.address,
    port,
    user,
    privateKey,
    ...pinned(machine.address, machine.name),
    ...(bastion === undefined ? {} : { proxy: { ...bastion, privateKey, ...pinned(bastion.host) } }),
  };
}

/** The user's own machines. The program does not make them; when it leaves them, only the brokers' data stays. */
class Existing extends pulumi.ComponentResource {
  readonly hosts: readonly Host[];

  constructor(args: ExistingArgs) {
    const { machines, os, platform, privateKey, precheckedMachines, packages, stack, takeOver, ...open } =
      args;
    super("rabbitmq-ha:index:Existing", "existing", {});
    warnOfEndOfLife(os);
    const addresses = (of: string): readonly string[] =>
      machines.filter(({ role }) => role === of).map(({ address }) => address);
    const vrrpAddresses = machines.flatMap(({ name }) => precheckedMachines.get(name)?.vrrp?.address ?? []);
    const addressesAndPorts = {
      ...{ brokers: addresses("broker"), balancers: addresses("balancer"), vrrpAddresses },
      ...open,
    };
    const child = { parent: this };
    this.hosts = machines.map((each) => {
      const { name, address, role } = each;
      const checked = precheckedMachines.get(name);
      if (checked === undefined) throw new Error(`${name} has not been prechecked`);
      const connection = connectionTo(each, platform, privateKey);
      const sudo = platform.user !== "root";
      const machine = new Machine(
        machineName(name),
        {
          name,
          connection,
          sudo,
          identity: checked.identity,
          stackId: stack.id,
          role,
          purge: role === "broker" && platform.purge,
        },
        child,
      );
      const { interface: device, prefixLength, identity, vrrp } = checked;
      const host = {
        name,
        address,
        os,
        interface: device,
        prefixLength,
        connection,
        sudo,
        identity,
        machine,
        packages,
        stackId: stack.id,
        ...(vrrp === undefined ? {} : { vrrp }),
      };
      const reachable = makeReady(host, { ...child, dependsOn: machine });
      // What depends on the host waits for both: that it is ready, and its preparation.
      const owner = { identity, stack, takeOver: takeOver.includes(name) };
      const prepared = prepareMachine({ ...addressesAndPorts, role, host: reachable, owner }, child);
      return readyAfter(reachable, prepared);
    });
    this.registerOutputs({});
  }
}

/** @returns the machines as hosts, in their order */
export function registerExistingHosts(args: ExistingArgs): readonly Host[] {
  return new Existing(args).hosts;
}
