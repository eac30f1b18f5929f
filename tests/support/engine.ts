/** A stack in the real Pulumi engine; its project folder, state and stack file are in a scratch folder. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { pulumiEnvironment } from "../../toolchain/environment.ts";
import { ensureToolchain } from "../../toolchain/pulumi.ts";
import { root } from "./dev-stack.ts";

export const scratchStackName = "test-preview";
/** No lab uses this network, so no host can be reached even by mistake. */
const network = "192.168.87.";

/** What the program consists of. Nothing else of the project is in the scratch folder. */
const program = ["Pulumi.yaml", "package.json", "index.ts", "secret.ts", "node_modules"];
const folders = ["certificates", "components", "config", "hosts", "platforms", "remote", "templates"];

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ScratchStack {
  readonly #folder: string;
  readonly #cli: string;
  readonly #env: Record<string, string>;

  private constructor(folder: string, cli: string, env: Record<string, string>) {
    this.#folder = folder;
    this.#cli = cli;
    this.#env = env;
  }

  /** Creates the stack: the dev stack's configuration, another network. @param more variables for the environment */
  static async open(more: Readonly<Record<string, string>> = {}): Promise<ScratchStack> {
    const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-preview-"));
    for (const name of [...program, ...folders]) await symlink(join(root, name), join(folder, name));
    const toolchain = await ensureToolchain();
    const state = join(folder, "state");
    await mkdir(state);
    const env = {
      ...pulumiEnvironment(toolchain),
      // The user's own backend must not be used by tests.
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: "test",
      ...more,
    };
    const opened = new ScratchStack(folder, toolchain.cli.path, env);
    await opened.configure((text) => text);
    const made = await opened.pulumi("stack", "init", scratchStackName, "--no-select");
    if (made.code !== 0) throw new Error(made.stderr);
    return opened;
  }

  /** Writes the stack's file: the dev stack's with a change. */
  async configure(change: (text: string) => string): Promise<void> {
    const dev = await readFile(join(root, "Pulumi.dev.yaml"), "utf8");
    const own = dev.replaceAll("192.168.56.", network).replace(/^encryptionsalt: .*\n/m, "");
    const text = change(own);
    const file = join(this.#folder, `Pulumi.${scratchStackName}.yaml`);
    const old = await readFile(file, "utf8").catch(() => "");
    await writeFile(file, text + (/^encryptionsalt: .*\n/m.exec(old)?.[0] ?? ""));
  }

  async pulumi(...args: readonly string[]): Promise<CliResult> {
    const { exitCode = -1, ...rest } = await execa(
      this.#cli,
      ["--non-interactive", "--color=never", ...args],
      {
        cwd: this.#folder,
        env: this.#env,
        extendEnv: false,
        stdin: "ignore",
        reject: false,
      },
    );
    return { code: exitCode, stdout: rest.stdout, stderr: rest.stderr };
  }

  /** Sets a variable of the environment of the commands that follow. */
  setVariable(name: string, value: string): void {
    this.#env[name] = value;
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
