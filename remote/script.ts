/** One script on one host, as one resource. */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { render } from "../templates/render.ts";

export interface ScriptArgs {
  readonly host: Host;
  /** The template of the script, which must be safe to run again at any time. */
  readonly template: string;
  /** The template's values. They show in previews, logs and errors: no secrets. */
  readonly values: object;
  /** What the script reads on standard input; secrets go here. */
  readonly stdin?: pulumi.Input<string>;
  /** The template of the script that undoes it while the machine stays. @default nothing is undone */
  readonly undo?: string;
  /** The host whose machine it is about: when that is another one, it is another resource. @default `host` */
  readonly about?: Host;
  /** Values whose change makes it another resource, next to the machine's identity. */
  readonly identity?: readonly pulumi.Input<unknown>[];
  /** What may run only one at a time on a host. @default the resource's name */
  readonly lock?: string;
  /** Seconds the script may take, its wait for a run of the same script included. @default 300 */
  readonly deadline?: number;
}

/**
 * The text that runs a script on a host as root: at most once at a time (a killed `up` may have left one running), for
 * a limited time, and with its standard input passed on.
 * @param noun what the lock is named after
 */
export function runnable(noun: string, body: string, deadline: number, { sudo }: Pick<Host, "sudo">): string {
  return render("remote/run.sh", { noun, body: body.trimEnd(), deadline, patience: deadline + 30, sudo });
}

/** @throws at deployment, with the script's own words, when the script fails or takes longer than its deadline */
export class Script extends remote.Command {
  constructor(name: string, args: ScriptArgs, options: pulumi.CustomResourceOptions) {
    const { host, about = host, values, stdin, undo, identity = [], lock = name, deadline = 300 } = args;
    const text = (template: string): string => runnable(lock, render(template, values), deadline, host);
    const dependsOn = [host.ready].concat((options.dependsOn ?? []) as pulumi.Resource[]);
    super(
      name,
      {
        connection: { ...host.connection, dialErrorLimit: 10, perDialTimeout: 10 },
        create: text(args.template),
        addPreviousOutputInEnv: false,
        triggers: [about.identity, ...identity],
        ...(stdin === undefined ? {} : { stdin }),
        ...(undo === undefined ? {} : { delete: text(undo) }),
      },
      { deletedWith: host.machine, deleteBeforeReplace: undo === undefined, ...options, dependsOn },
    );
  }
}
