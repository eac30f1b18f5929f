/** One script on this computer, which runs the program, as one resource. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { render } from "../templates/render.ts";

export interface LocalScriptArgs {
  /** The template of the script, which must be safe to run again at any time. */
  readonly template: string;
  /** The values of both templates. They appear in previews, logs and errors: no secrets. */
  readonly values: Readonly<Record<string, pulumi.Input<string | readonly string[]>>>;
  /** What the script reads on standard input; secrets go here. */
  readonly stdin?: pulumi.Input<string>;
  /** The template of the script that undoes it. @default nothing is undone */
  readonly undo?: string;
  /** Values whose change replaces the resource. */
  readonly identity?: readonly pulumi.Input<unknown>[];
}

/** @throws at deployment, with the script's own message, when the script fails */
export class LocalScript extends local.Command {
  constructor(name: string, args: LocalScriptArgs, options: pulumi.CustomResourceOptions) {
    const { template, values, stdin, undo, identity = [] } = args;
    const text = (of: string): pulumi.Output<string> =>
      pulumi.output(values).apply((plain) => `set -eu\n${render(of, plain)}`);
    super(
      name,
      {
        interpreter: ["/bin/bash", "-c"],
        create: text(template),
        addPreviousOutputInEnv: false,
        triggers: [...identity],
        ...(stdin === undefined ? {} : { stdin }),
        ...(undo === undefined ? {} : { delete: text(undo) }),
      },
      { deleteBeforeReplace: true, ...options },
    );
  }
}
