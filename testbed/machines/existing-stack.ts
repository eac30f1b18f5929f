/** A stack on machines that are there before it. */
import { TrialStack } from "../labs/trial-stack.ts";
import { Strangers, type StrangersArgs } from "./machines.ts";

/** @returns the stack's line that says where a stand-in's packages are; none where the system's own sources do */
export function packagesOf({ mirror }: Strangers): string {
  if (mirror === undefined) return "";
  const { url, rabbitmq } = mirror;
  const packages = { mirror: url, erlang: rabbitmq.erlang, rabbitmq: rabbitmq.server };
  return `  rabbitmq-ha:packages: ${JSON.stringify(packages)}`;
}

export class ExistingStack extends TrialStack {
  readonly #args: StrangersArgs;
  #strangers: Strangers | undefined;

  constructor(args: StrangersArgs) {
    super(`test-${args.name}`);
    this.#args = args;
  }

  /** The machines; @throws before `open` */
  get machines(): Strangers {
    if (this.#strangers === undefined) throw new Error("there are no machines yet");
    return this.#strangers;
  }

  // Real machines' secrets are guarded by a passphrase of the user's own.
  override get env(): NodeJS.ProcessEnv {
    return { ...super.env, PULUMI_CONFIG_PASSPHRASE: "of the user's own" };
  }

  /** Makes the machines and writes the stack's file. */
  async open(settings = ""): Promise<void> {
    this.#strangers = await Strangers.make(this.#args);
    await this.begin();
    await this.configure(settings);
  }

  /** Writes the stack's file anew. @param change of what the machines' own settings say */
  async configure(settings: string, change: (lines: string) => string = (lines) => lines): Promise<void> {
    await this.writeFile([change(this.machines.stackConfig()), settings]);
  }

  /**
   * Brings the stack to where a test begins; nothing is run where it is there already.
   * @param settings @default those with which it last came up
   */
  async ensureUp(settings?: string): Promise<void> {
    await (settings === undefined ? this.restoreFile() : this.configure(settings));
    await this.upUnlessDone();
  }

  /** Takes the stack away by the user's own command, then the machines. */
  async close(): Promise<void> {
    try {
      await this.destroyAll();
      await Strangers.sweep(this.#args.name, this.#args.subnet);
    } finally {
      await this.forget();
    }
  }
}
