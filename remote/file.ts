/** One file on one host, as one resource; it is written atomically. */
import * as pulumi from "@pulumi/pulumi";
import { endOfFile } from "../hosts/file-input.ts";
import type { Host } from "../hosts/host.ts";
import { Step } from "./step.ts";

export interface FileArgs {
  readonly host: Host;
  readonly path: string;
  /** The whole content, never empty; a secret one stays encrypted in the state and hidden in previews. */
  readonly content: pulumi.Input<string>;
  /** `user:group`. @default root:root */
  readonly owner?: string;
  /** In octal. @default 0644 */
  readonly mode?: string;
  /** A command that checks the new file, whose path replaces `{}`, before it replaces the old file. */
  readonly check?: string;
  /** The service that must not run while the content changes. @default none */
  readonly unlessRunning?: string;
}

/** Changes nothing if content, owner and mode are already right. */
export class File extends Step {
  constructor(name: string, args: FileArgs, options: pulumi.CustomResourceOptions) {
    const { host, path, content, owner, mode, check, unlessRunning } = args;
    super(
      name,
      {
        host,
        subcommand: "file",
        options: { path, owner, mode, resource: name, check, unlessRunning, withEnd: true },
        stdin: typeof content === "string" ? content + endOfFile : pulumi.concat(content, endOfFile),
      },
      options,
    );
  }
}
