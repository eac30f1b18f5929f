/** Whose machine a host is, as a mark on the machine itself. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host, HostRole } from "../hosts/host.ts";
import { Step } from "./step.ts";

/** A stack, as the marks on its machines name it. */
export interface StackMark {
  /** Random, made once and kept in the state: it tells the stack from others of the same name. */
  readonly id: string;
  readonly name: string;
}

export interface OwnerArgs {
  readonly host: Host;
  /** What tells the machine from others that had its name before. */
  readonly identity: string;
  readonly role: HostRole;
  readonly stack: StackMark;
  /** Whether the machine is taken from the stack whose mark it bears. @default another stack's machine is refused */
  readonly takeOver?: boolean;
}

/**
 * Marks the machine as the stack's before anything else is done on it. What is removed later is removed only where the
 * mark is still the stack's, with this host's name.
 */
export class Owner extends Step {
  constructor(name: string, args: OwnerArgs, options: pulumi.CustomResourceOptions) {
    const { host, identity, role, stack, takeOver = false } = args;
    const mark = { stackId: stack.id, stack: stack.name, host: host.name, role, identity };
    super(name, { host, subcommand: "owner", options: { ...mark, takeOver } }, options);
  }
}
