/** One file on one host, as one resource: its whole content in, an atomic write out. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platforms/host.ts";
import { Script } from "./script.ts";

export interface FileArgs {
  readonly host: Host;
  readonly path: string;
  /** The whole content; a secret one stays encrypted in the state and hidden in previews. */
  readonly content: pulumi.Input<string>;
  /** `user:group`. @default root:root */
  readonly owner?: string;
  /** In octal. @default 0644 */
  readonly mode?: string;
  /** A command that judges the new file, which it finds at `$candidate`, before it takes the old one's place. */
  readonly check?: string;
}

/** Does nothing where content, owner and mode are what they should be, so that a second run leaves no trace. */
export class File extends Script {
  constructor(name: string, args: FileArgs, options: pulumi.CustomResourceOptions) {
    const { host, path, content, owner = "root:root", mode = "0644", check = "" } = args;
    super(
      name,
      {
        host,
        template: "remote/write-file.sh",
        values: { path, owner, mode, check },
        stdin: content,
        deadline: 60,
      },
      options,
    );
  }
}
