/** A stack on given machines, which exist before it. */
import { TrialStack } from "../stacks/trial-stack.ts";
import { GivenMachines, type GivenMachinesArgs } from "./given-machines.ts";

/** @returns the stack's `packages` line for a stand-in's packages; empty when the system's own sources have them */
export function packagesConfig({ mirror }: GivenMachines): string {
  if (mirror === undefined) return "";
  const { url, rabbitmq } = mirror;
  const packages = { mirror: url, erlang: rabbitmq.erlang, rabbitmq: rabbitmq.server };
  return `  rabbitmq-ha:packages: ${JSON.stringify(packages)}`;
}

export class ExistingStack extends TrialStack {
  readonly #args: GivenMachinesArgs;
  #machines: GivenMachines | undefined;

  constructor(args: GivenMachinesArgs) {
    super(`test-${args.name}`);
    this.#args = args;
  }

  /** The given machines. @throws before `open` */
  get machines(): GivenMachines {
    if (this.#machines === undefined) throw new Error("the stack has no machines yet; call open() first");
    return this.#machines;
  }

  // With real machines, a user's own passphrase protects the secrets.
  override get env(): NodeJS.ProcessEnv {
    return { ...super.env, PULUMI_CONFIG_PASSPHRASE: "of the user's own" };
  }

  /** Creates the given machines and writes the stack's file. */
  async open(settings = ""): Promise<void> {
    this.#machines = await GivenMachines.create(this.#args);
    await this.createState();
    await this.configure(settings);
  }

  /** Rewrites the stack's file. @param change applied to the lines about the machines */
  async configure(settings: string, change: (lines: string) => string = (lines) => lines): Promise<void> {
    await this.writeFile([change(this.machines.stackConfig()), settings]);
  }

  /**
   * Brings the stack to the state in which a test starts; runs nothing when it is in that state already.
   * @param settings @default those of the last successful `up`
   */
  async ensureUp(settings?: string): Promise<void> {
    await (settings === undefined ? this.restoreFile() : this.configure(settings));
    await this.upIfNeeded();
  }

  /** Destroys the stack by the user's command, then removes the machines. */
  async close(): Promise<void> {
    try {
      await this.destroyAll();
      await GivenMachines.removeLeftovers(this.#args.name, this.#args.subnet);
    } finally {
      await this.removeFileAndState();
    }
  }
}
