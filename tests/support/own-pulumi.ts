/** The Pulumi CLI as a user has it: nothing of the npm scripts, and a home, a backend and a passphrase of one's own. */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { ensureToolchain, type Toolchain } from "../../toolchain/toolchain.ts";

/** Seconds that one of the CLI's commands may take. */
const deadline = 600;

export interface Answer {
  readonly code: number;
  /** What it wrote to both of its streams. */
  readonly output: string;
  readonly stdout: string;
}

export class OwnPulumi {
  readonly #project: string;
  readonly #home: string;
  readonly #toolchain: Toolchain;

  private constructor(project: string, home: string, toolchain: Toolchain) {
    this.#project = project;
    this.#home = home;
    this.#toolchain = toolchain;
  }

  /** @param project the folder to work in */
  static async open(project: string): Promise<OwnPulumi> {
    const home = await mkdtemp(join(tmpdir(), "rabbitmq-ha-own-pulumi-"));
    const toolchain = await ensureToolchain();
    await mkdir(join(home, ".pulumi"));
    // A user's CLI has installed the plug-in there.
    const plugins = dirname(dirname(toolchain.commandProvider.path));
    await symlink(plugins, join(home, ".pulumi", "plugins"));
    const own = new OwnPulumi(project, home, toolchain);
    // As `pulumi login --local`, which would write into the real home.
    await own.must("login", `file://${home}`);
    return own;
  }

  /** The folders that the CLI, its language host and Node are in, and nothing else. */
  get folders(): string {
    const { cli, languageHost } = this.#toolchain;
    return [cli.path, languageHost.path, process.execPath].map((path) => dirname(path)).join(delimiter);
  }

  /** @param more environment, over what a user has who has set a passphrase */
  async run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const env = {
      HOME: this.#home,
      // Without it the CLI takes the home that the system has for the user, and not the environment's.
      PULUMI_HOME: join(this.#home, ".pulumi"),
      PATH: `${this.folders}${delimiter}${process.env["PATH"] ?? ""}`,
      PULUMI_CONFIG_PASSPHRASE: "a user's own",
      // Tests ask no site of Pulumi's, whether for a newer CLI or for plug-ins that are there.
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      ...more,
    };
    const { exitCode, all, stdout } = await execa(
      this.#toolchain.cli.path,
      ["--non-interactive", "--color=never", ...args],
      {
        cwd: this.#project,
        env,
        extendEnv: false,
        stdin: "ignore",
        reject: false,
        all: true,
        timeout: deadline * 1000,
      },
    );
    return { code: exitCode ?? -1, output: all, stdout };
  }

  /** @returns what it wrote to standard output @throws with all that it wrote unless it ends well */
  async must(...args: readonly string[]): Promise<string> {
    const { code, output, stdout } = await this.run(args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${output}`);
    return stdout;
  }

  async close(): Promise<void> {
    await rm(this.#home, { recursive: true, force: true });
  }
}
