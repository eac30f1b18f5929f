/** An existing machine: it is not created, and at its deletion everything that the program installed is removed. */
import type * as pulumi from "@pulumi/pulumi";
import type { Connection, HostRole } from "../hosts/host.ts";
import { render, shellWord } from "../templates/render.ts";
import { OwnLoginCommand } from "./own-login.ts";
import { programPath } from "./program.ts";

export interface MachineArgs {
  readonly name: string;
  readonly connection: Connection;
  readonly sudo: boolean;
  /** Changes when the machine is another one. */
  readonly identity: pulumi.Input<string>;
  readonly role: HostRole;
  /** The clean-up removes something only if the machine's mark is still this stack's, or it has none. */
  readonly stackId: string;
  /** Whether the broker's data is deleted too. */
  readonly purge: boolean;
}

/** Limit for logging in and cleaning up together. */
const timeoutSeconds = 120;

/**
 * Its delete logs in by itself and has a timeout, unlike that of a remote command: a machine that is gone is reported and
 * does not block the deletion of the rest. The resources on the machine are deleted with it (`deletedWith`).
 */
export class Machine extends OwnLoginCommand {
  constructor(name: string, args: MachineArgs, options: pulumi.CustomResourceOptions) {
    const { sudo, role, purge, stackId } = args;
    const script = render("existing/clean-up.sh", {
      program: programPath,
      role,
      purge,
      stackId,
      host: args.name,
    }).trim();
    const command = `${sudo ? "sudo -n " : ""}sh -c ${shellWord(script)}`;
    const cleanUp = { create: ":", delete: "exec node ssh/errand.ts" };
    super(name, { host: args, patience: timeoutSeconds, command, ...cleanUp }, options);
  }
}
