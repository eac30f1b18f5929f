/** The Pulumi CLI as a user runs it: without the npm scripts, with its own home, backend and passphrase. */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { execa } from "execa";
import { ensureToolchain, type Toolchain } from "../../toolchain/pulumi.ts";

/** How long one command of the CLI may take. */
const timeoutSeconds = 600;

export interface CliResult {
  readonly code: number;
  /** Standard output and standard error together. */
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
    // The CLI of a user has installed its plug-ins there.
    const plugins = dirname(dirname(toolchain.commandProvider.path));
    await symlink(plugins, join(home, ".pulumi", "plugins"));
    const own = new OwnPulumi(project, home, toolchain);
    // As `pulumi login --local`, which would write into the real home.
    await own.runOrThrow("login", `file://${home}`);
    return own;
  }

  /** A search path of the folders of the CLI, its language host and Node, and no other. */
  get searchPath(): string {
    const { cli, languageHost } = this.#toolchain;
    return [cli.path, languageHost.path, process.execPath].map((path) => dirname(path)).join(delimiter);
  }

  /** @param more variables, over the environment of a user who has set a passphrase */
  async run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    const env = {
      HOME: this.#home,
      // Without it the CLI uses the system's home folder of the user, not HOME.
      PULUMI_HOME: join(this.#home, ".pulumi"),
      PATH: `${this.searchPath}${delimiter}${process.env["PATH"] ?? ""}`,
      PULUMI_CONFIG_PASSPHRASE: "a user's own",
      // Tests ask no site of Pulumi for a newer CLI, nor for plug-ins that are installed.
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
        timeout: timeoutSeconds * 1000,
      },
    );
    return { code: exitCode ?? -1, output: all, stdout };
  }

  /** @returns standard output @throws with all output unless the command succeeds */
  async runOrThrow(...args: readonly string[]): Promise<string> {
    const { code, output, stdout } = await this.run(args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${output}`);
    return stdout;
  }

  async close(): Promise<void> {
    await rm(this.#home, { recursive: true, force: true });
  }
}
