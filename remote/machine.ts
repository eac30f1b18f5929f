/** A machine that is not ours: nothing is made of it, and all that the program has put on it goes at the end. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Connection } from "../hosts/host.ts";
import { render, shellWord } from "../templates/render.ts";
import { programPath } from "./program.ts";

export interface MachineArgs {
  readonly name: string;
  readonly connection: Connection;
  readonly sudo: boolean;
  /** Changes when the machine is another one. */
  readonly identity: pulumi.Input<string>;
  readonly role: "broker" | "balancer";
  /** Whether the broker's data goes, too. */
  readonly purge: boolean;
}

/** Seconds that a machine has to answer, and to be done, when everything on it is undone. */
const patience = 120;

/**
 * Its delete logs in by itself and has a deadline, unlike that of a remote command: a machine that is gone is named and
 * keeps nobody from being rid of the rest. What hangs on the machine goes with it (`deletedWith`).
 */
export class Machine extends local.Command {
  constructor(name: string, args: MachineArgs, options: pulumi.CustomResourceOptions) {
    const { connection, sudo, identity, role, purge } = args;
    const script = render("existing/clean-up.sh", { program: programPath, role, purge }).trim();
    const command = `${sudo ? "sudo -n " : ""}sh -c ${shellWord(script)}`;
    const errand = pulumi
      .output({ ...connection })
      .apply((login) => JSON.stringify({ name: args.name, login, patience, command }));
    super(
      name,
      {
        interpreter: ["/bin/bash", "-c"],
        create: ":",
        // With the program's own Node and in its folder, as the program itself runs.
        delete: "exec node ssh/errand.ts",
        stdin: pulumi.secret(errand),
        addPreviousOutputInEnv: false,
        triggers: [identity],
      },
      { deleteBeforeReplace: true, ...options },
    );
  }
}
