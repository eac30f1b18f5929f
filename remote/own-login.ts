/** A script on this computer that logs in to a host by itself, instead of the command provider. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import type { Login } from "./ssh.ts";

/** What such a script reads on standard input. States contain it as JSON: do not rename its keys. */
export interface OwnLogin {
  /** The host's name, for messages. */
  readonly name: string;
  readonly login: Login;
  /** Limit for the log-in and the command together, in seconds. */
  readonly patience: number;
  readonly command: string;
}

export interface OwnLoginArgs extends Pick<OwnLogin, "patience" | "command"> {
  readonly host: Pick<Host, "name" | "connection" | "identity">;
  /** What runs on this computer, with the program's own Node and in the project's folder. */
  readonly create: string;
  /** @default nothing is undone */
  readonly delete?: string;
}

/** @throws at deployment, with the script's own message, when it fails */
export class OwnLoginCommand extends local.Command {
  constructor(resource: string, args: OwnLoginArgs, options: pulumi.CustomResourceOptions) {
    const { host, patience, command, create, delete: undo } = args;
    const { name, connection, identity } = host;
    const stdin = pulumi
      .output({ ...connection })
      .apply((login) => JSON.stringify({ name, login, patience, command } satisfies OwnLogin));
    super(
      resource,
      {
        interpreter: ["/bin/bash", "-c"],
        create,
        ...(undo === undefined ? {} : { delete: undo }),
        stdin: pulumi.secret(stdin),
        addPreviousOutputInEnv: false,
        triggers: [identity],
      },
      { deleteBeforeReplace: true, ...options },
    );
  }
}
