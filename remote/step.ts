/** One step on one host, as one resource: a subcommand of the program there. */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { shellWord } from "../templates/render.ts";
import { programPath, stepVersion } from "./program.ts";

/** A subcommand's arguments by their names; a list is written `a,b,c`, `true` is a flag, what is undefined or false is left out. */
export type StepOptions = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface StepArgs {
  readonly host: Host;
  /** The subcommand of the program; it must be safe to run again at any time. @default none: it is there for its undo */
  readonly subcommand?: string;
  /** They show in previews, logs and errors: no secrets. */
  readonly options?: StepOptions;
  /** What the subcommand reads on standard input; secrets go here. */
  readonly stdin?: pulumi.Input<string>;
  /** The subcommand that undoes it while the machine stays. @default nothing is undone */
  readonly undo?: { readonly subcommand: string; readonly options?: StepOptions };
  /** The host whose machine it is about: when that is another one, it is another resource. @default `host` */
  readonly about?: Host;
  /** Values whose change makes it another resource, next to the machine's identity. */
  readonly identity?: readonly pulumi.Input<unknown>[];
}

/**
 * @returns the command line of a step, as a person could type it. What stands behind `#` changes when the subcommand
 * does something else than in the release before, so that it is run again.
 */
export function commandLine(subcommand: string, options: StepOptions, { sudo }: Pick<Host, "sudo">): string {
  const words = Object.entries(options).flatMap(([name, value]): string[] => {
    const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) return [];
    if (value === true) return [option];
    const text = typeof value === "object" ? value.join(",") : String(value);
    // What begins with a dash would be taken for an option.
    return text.startsWith("-") ? [`${option}=${shellWord(text)}`] : [option, shellWord(text)];
  });
  const program = sudo ? `sudo -n ${programPath}` : "rabbitmq-ha";
  return [program, subcommand, ...words, `# ${stepVersion(subcommand)}`].join(" ");
}

/** A resource that is there for the sake of its undo does nothing else. */
const nothing = "true";

/** @throws at deployment, with the subcommand's own few words, when it fails or takes longer than it may */
export class Step extends remote.Command {
  constructor(name: string, args: StepArgs, options: pulumi.CustomResourceOptions) {
    const { host, about = host, subcommand, undo, stdin, identity = [] } = args;
    const dependsOn = [host.ready].concat((options.dependsOn ?? []) as pulumi.Resource[]);
    super(
      name,
      {
        connection: { ...host.connection, dialErrorLimit: 10, perDialTimeout: 10 },
        create: subcommand === undefined ? nothing : commandLine(subcommand, args.options ?? {}, host),
        addPreviousOutputInEnv: false,
        triggers: [about.identity, ...identity],
        ...(stdin === undefined ? {} : { stdin }),
        ...(undo === undefined ? {} : { delete: commandLine(undo.subcommand, undo.options ?? {}, host) }),
      },
      { deletedWith: host.machine, deleteBeforeReplace: undo === undefined, ...options, dependsOn },
    );
  }
}
