/** A lab whose definitions are a file beside the stack's own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seriesOf } from "../../hosts/rabbitmq-series.ts";
import { LabStack, type LabStackArgs } from "../../testbed/stacks/lab-stack.ts";
import { useStack } from "./trial.ts";

/** A user's permissions on all of a virtual host. */
export const everything = { configure: ".*", write: ".*", read: ".*" };

export class DefinitionsLab {
  readonly lab: LabStack;
  readonly hasMirrors: boolean;
  #folder = "";

  /** Declares the hooks of the file's tests. */
  constructor(args: LabStackArgs) {
    this.lab = useStack(new LabStack(args), {
      prepare: async () => {
        this.#folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-definitions-"));
      },
      release: () => rm(this.#folder, { recursive: true, force: true }),
    });
    this.hasMirrors = seriesOf(this.lab.release.version)?.hasMirrors === true;
  }

  /** What the stack's own policy gives to queues, which another policy in its place has to give too. */
  get replicated(): Readonly<Record<string, string | number>> {
    return this.hasMirrors ? { "ha-mode": "all", "ha-sync-mode": "automatic" } : { "delivery-limit": 20 };
  }

  /** @returns the lines of the stack's file for these definitions, which are in a file of this name */
  async settings(definitions: object, name = "definitions"): Promise<string> {
    const path = join(this.#folder, `${name}.json`);
    await writeFile(path, JSON.stringify(definitions));
    return `  rabbitmq-ha:definitions: ${JSON.stringify({ file: path })}`;
  }

  /** @returns what `rabbitmqctl` answers on the first broker */
  async ctl(words: string): Promise<string> {
    return this.lab.runOn(this.lab.brokers[0] ?? "", `rabbitmqctl -q ${words} </dev/null`);
  }
}
