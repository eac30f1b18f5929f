/** What is probed, and what it will be set up as. */
import type { HostRole, OperatingSystem, PackageSources } from "../../../hosts/host.ts";
import type { ProtocolSettings } from "../../../hosts/protocol-ports.ts";
import type { StackMark } from "../../../remote/owner.ts";
import type { Login } from "../../../remote/ssh.ts";

/** A machine to probe, and how to log in to it. */
export interface ProbeTarget {
  readonly name: string;
  readonly address: string;
  readonly role: HostRole;
  readonly login: Login;
}

/** @returns the machine's name and address, for messages */
export function machineLabel({ name, address }: Pick<ProbeTarget, "name" | "address">): string {
  return `${name} (${address})`;
}

/** What the machines will be set up as. */
export interface IntendedSetup extends ProtocolSettings {
  readonly os: OperatingSystem;
  readonly machines: readonly ProbeTarget[];
  readonly virtualAddress: string;
  readonly virtualRouterId: number;
  /** The network interface for the virtual address. @default the one with the machine's own address */
  readonly interface?: string;
  /** The prefix length of the virtual address. @default that of the balancer's own address on the interface */
  readonly prefixLength?: number;
  readonly statsPort: number;
  /** The stack that the machines will belong to. */
  readonly stack: StackMark;
  /** The names of the machines that may be taken over from another stack. */
  readonly takeOver: readonly string[];
  /** Whether files that others wrote may be replaced. */
  readonly replaceFiles: boolean;
  /** Whether HAProxy is compiled, so that the program writes its unit. @default false */
  readonly buildsHaproxy?: boolean;
  readonly packages: PackageSources;
  readonly queues: "mirrored" | "quorum";
  /** The names of the brokers that are to be ram nodes. */
  readonly ramNodes: readonly string[];
}
