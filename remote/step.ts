/** One step on one host, as one resource: a subcommand of the program there. */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { shellWord } from "../templates/render.ts";
import { programPath, stepVersion } from "./program.ts";

/** A subcommand's options by name: a list is written `a,b,c`, `true` is a flag, undefined and false are left out. */
export type StepOptions = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface StepArgs {
  readonly host: Host;
  /** The subcommand of the program; it must be safe to run again at any time. @default none: the step only has an undo */
  readonly subcommand?: string;
  /** They appear in previews, logs and errors: no secrets. */
  readonly options?: StepOptions;
  /** What the subcommand reads on standard input; secrets go here. */
  readonly stdin?: pulumi.Input<string>;
  /** The subcommand that undoes the step if the machine stays. @default nothing is undone */
  readonly undo?: { readonly subcommand: string; readonly options?: StepOptions };
  /**
   * The host whose machine's replacement replaces the step. @default `host`; a step that only has an undo stays: the former
   * machine may still need what it would undo, or be gone
   */
  readonly replacedTogetherWith?: Host;
  /** Further values whose change replaces the step. */
  readonly identity?: readonly pulumi.Input<unknown>[];
}

/**
 * @returns the command line of a step, which can also be typed by hand. The comment behind `#` is the version of the
 * subcommand's code: when it changes, the step is re-run.
 */
export function commandLine(subcommand: string, options: StepOptions, { sudo }: Pick<Host, "sudo">): string {
  const words = Object.entries(options).flatMap(([name, value]): string[] => {
    const option = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) return [];
    if (value === true) return [option];
    const text = typeof value === "object" ? value.join(",") : String(value);
    // A value that begins with a dash would be read as an option.
    return text.startsWith("-") ? [`${option}=${shellWord(text)}`] : [option, shellWord(text)];
  });
  const program = sudo ? `sudo -n ${programPath}` : "rabbitmq-ha";
  return [program, subcommand, ...words, `# ${stepVersion(subcommand)}`].join(" ");
}

/** The command of a step that only has an undo. */
const noOperation = "true";

/** @throws at deployment, with the subcommand's own message, when it fails or exceeds its timeout */
export class Step extends remote.Command {
  constructor(name: string, args: StepArgs, options: pulumi.CustomResourceOptions) {
    const { host, replacedTogetherWith = host, subcommand, undo, stdin, identity = [] } = args;
    const stays = subcommand === undefined && args.replacedTogetherWith === undefined;
    const dependsOn = host.ready.concat((options.dependsOn ?? []) as pulumi.Resource[]);
    super(
      name,
      {
        connection: { ...host.connection, dialErrorLimit: 10, perDialTimeout: 10 },
        create: subcommand === undefined ? noOperation : commandLine(subcommand, args.options ?? {}, host),
        addPreviousOutputInEnv: false,
        triggers: [replacedTogetherWith.identity, ...identity],
        ...(stdin === undefined ? {} : { stdin }),
        ...(undo === undefined ? {} : { delete: commandLine(undo.subcommand, undo.options ?? {}, host) }),
      },
      // Else an undo would come after what its replacement did, also where a run goes on with one that was cut off.
      {
        deletedWith: host.machine,
        deleteBeforeReplace: true,
        ...(stays ? { ignoreChanges: ["triggers"] } : {}),
        ...options,
        dependsOn,
      },
    );
  }
}
