/** A stack of its own for one trial, with a state of its own, worked on by the npm scripts that a user runs. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqp from "amqplib";
import { execa } from "execa";
import { patience, Running, tail } from "./running.ts";

export const root = join(import.meta.dirname, "..", "..");

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export class TrialStack {
  readonly stack: string;
  #state = "";

  /** @param stack its name */
  constructor(stack: string) {
    this.stack = stack;
  }

  get #file(): string {
    return join(root, `Pulumi.${this.stack}.yaml`);
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, PULUMI_BACKEND_URL: `file://${this.#state}?create_dir=true` };
  }

  /** Begins with an empty state. */
  protected async begin(): Promise<void> {
    this.#state = await mkdtemp(join(tmpdir(), "rabbitmq-ha-test-"));
  }

  /** Takes away everything of the stack's by the user's own command. */
  protected async destroyAll(): Promise<void> {
    if (this.#state !== "") await this.npm("destroy");
  }

  /** Removes the stack's file and state. */
  protected async forget(): Promise<void> {
    await rm(this.#file, { force: true });
    if (this.#state !== "") await rm(this.#state, { recursive: true, force: true });
  }

  /** Writes the stack's file anew, from lines of its `config`; what the CLI put there stays: the salt, and secrets. */
  protected async writeFile(lines: readonly string[]): Promise<void> {
    const old = await readFile(this.#file, "utf8").catch(() => "");
    const salt = /^encryptionsalt: .*$/m.exec(old)?.[0] ?? "";
    const secrets = /^ {2}rabbitmq-ha:\w+:\n {4}secure: .*$/gm.exec(old)?.[0] ?? "";
    const all = [salt, "config:", ...lines, secrets].filter((line) => line !== "");
    await writeFile(this.#file, `${all.join("\n")}\n`);
  }

  /** Runs one of the project's npm scripts on this stack. */
  async npm(script: string, ...args: string[]): Promise<Outcome> {
    const { exitCode, all } = await execa("npm", ["run", script, "--", "--stack", this.stack, ...args], {
      cwd: root,
      env: this.env,
      extendEnv: false,
      reject: false,
      all: true,
      stdin: "ignore",
      timeout: patience * 1000,
    });
    return { code: exitCode ?? 1, output: all };
  }

  /** As `npm`, and an error with the end of what it printed unless it ends well. */
  async must(script: string, ...args: string[]): Promise<string> {
    const { code, output } = await this.npm(script, ...args);
    if (code !== 0) throw new Error(`npm run ${script} ended with ${code}:\n${tail(output)}`);
    return output;
  }

  /** The Pulumi CLI's answer, from standard output alone. */
  async pulumi(...args: string[]): Promise<string> {
    const { stdout } = await execa("npm", ["run", "-s", "pulumi", "--", ...args, "--stack", this.stack], {
      cwd: root,
      env: this.env,
      extendEnv: false,
      stdin: "ignore",
    });
    return stdout;
  }

  /** Sets one of the stack's secrets, on standard input as a user should. */
  async secret(key: string, value: string): Promise<void> {
    await execa(
      "npm",
      ["run", "-s", "pulumi", "--", "config", "set", "--secret", key, "--stack", this.stack],
      {
        cwd: root,
        env: this.env,
        extendEnv: false,
        input: value,
      },
    );
  }

  /** Starts `npm run up` and resolves when its output matches; the process goes on. */
  async upUntil(pattern: RegExp): Promise<Running> {
    const child = spawn("npm", ["run", "up", "--", "--stack", this.stack], {
      cwd: root,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, as a terminal gives one: Ctrl-C goes to all of it.
      detached: true,
    });
    const running = new Running(child);
    await running.shows(pattern);
    return running;
  }

  async output(name: string): Promise<unknown> {
    return JSON.parse(await this.pulumi("stack", "output", name, "--json", "--show-secrets"));
  }

  /** @param uri @default the one through the virtual address */
  async connect(uri?: string): Promise<amqp.ChannelModel> {
    return amqp.connect(uri ?? String(await this.output("amqpUri")));
  }
}
