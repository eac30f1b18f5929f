/** A separate stack for one trial, with its own state, changed by the npm scripts that a user runs. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqp from "amqplib";
import { execa } from "execa";
import { scriptTimeoutSeconds, RunningUp, tail } from "./running-up.ts";

export const root = join(import.meta.dirname, "..", "..");

export interface ScriptResult {
  readonly code: number;
  readonly output: string;
}

/** A resource of the stack's state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
}

export abstract class TrialStack {
  readonly stack: string;
  #state = "";
  /** The first and the last argument of `writeFile`. */
  #firstLines: readonly string[] | undefined;
  #lines: readonly string[] = [];
  /** The argument, and the file's text, at the last successful `up`. */
  #lastUp: { readonly lines: readonly string[]; readonly text: string } | undefined;
  /** Whether no other `up` and no `destroy` has run since then. */
  #isUp = false;
  /** Whether a test has failed since then, so that the hosts may be in any state. */
  #hasFailedTest = false;
  readonly #runs: RunningUp[] = [];
  readonly #stateOf: TrialStack | undefined;

  /**
   * @param stack its name
   * @param stateOf the stack whose state it shares, as commands on two stacks need; it is opened before and closed after
   */
  constructor(stack: string, stateOf?: TrialStack) {
    this.stack = stack;
    this.#stateOf = stateOf;
  }

  get #file(): string {
    return join(root, `Pulumi.${this.stack}.yaml`);
  }

  /** @throws when the stack is not open: without its own state it would change the user's */
  get env(): NodeJS.ProcessEnv {
    if (this.#state === "") throw new Error(`stack ${this.stack} is not open yet`);
    const backend = `file://${this.#state}?create_dir=true&metadata=skip`;
    return { ...process.env, PULUMI_BACKEND_URL: backend, RABBITMQ_HA_BACKUP_FOLDER: this.backupFolder };
  }

  /** The folder of its backups, which goes with its state. */
  get backupFolder(): string {
    return join(this.#state, "backups");
  }

  /** Creates what the stack needs, and writes its file. */
  abstract open(settings?: string): Promise<void>;

  /** Removes all of it. */
  abstract close(): Promise<void>;

  /** Starts with an empty state. */
  protected async createState(): Promise<void> {
    this.#firstLines = undefined;
    this.#lastUp = undefined;
    this.#isUp = false;
    const shared = this.#stateOf;
    this.#state = shared === undefined ? await mkdtemp(join(tmpdir(), "rabbitmq-ha-test-")) : shared.#state;
  }

  /** Removes all resources of the stack by the user's command. */
  protected async destroyAll(): Promise<void> {
    await this.stopRuns();
    if (this.#state !== "") await this.npm("destroy", "--without-backup");
  }

  /** Removes the stack's file and state. */
  protected async removeFileAndState(): Promise<void> {
    await rm(this.#file, { force: true });
    if (this.#state !== "" && this.#stateOf === undefined)
      await rm(this.#state, { recursive: true, force: true });
  }

  /** Rewrites the stack's file from lines of its `config`; what the CLI has written stays: the salt, and secrets. */
  protected async writeFile(lines: readonly string[]): Promise<void> {
    this.#firstLines ??= lines;
    this.#lines = lines;
    const old = await this.#readFile();
    const salt = /^encryptionsalt: .*$/m.exec(old)?.[0] ?? "";
    const secrets = old.match(/^ {2}rabbitmq-ha:\w+:\n {4}secure: .*$/gm) ?? [];
    const all = [salt, "config:", ...lines, ...secrets].filter((line) => line !== "");
    await writeFile(this.#file, `${all.join("\n")}\n`);
  }

  async #readFile(): Promise<string> {
    return readFile(this.#file, "utf8").catch(() => "");
  }

  /** Restores the stack's file of the last successful `up`; before any, the one with which the stack was opened. */
  protected async restoreFile(): Promise<void> {
    if (this.#lastUp === undefined) {
      await this.writeFile(this.#firstLines ?? []);
      return;
    }
    const { lines, text } = this.#lastUp;
    this.#lines = lines;
    await writeFile(this.#file, text);
  }

  /** Runs `up`, unless the last one succeeded with the same file. After a failed test, with `--repair` if needed. */
  protected async upIfNeeded(): Promise<void> {
    if (this.#isUp && (await this.#readFile()) === this.#lastUp?.text) return;
    if (this.#hasFailedTest && (await this.npm("up")).code === 0) return;
    // Only a stack that has been up can be repaired, so `up` without `--repair` runs first.
    await this.runOrThrow("up", ...(this.#hasFailedTest ? ["--repair"] : []));
  }

  /** Marks the stack's state as unknown after a failed test, so that the next test that needs it runs `up` first. */
  markStateUnknown(): void {
    this.#isUp = false;
    this.#hasFailedTest = true;
  }

  /** Runs one of the project's npm scripts on this stack. */
  async npm(script: string, ...args: string[]): Promise<ScriptResult> {
    if (script === "up" || script === "destroy") this.#isUp = false;
    const outcome = await this.#run(script, args);
    if (script === "up" && outcome.code === 0) {
      // The CLI reformats the file when it adds the salt. It is written again, so that later files can be compared.
      await this.writeFile(this.#lines);
      this.#lastUp = { lines: this.#lines, text: await this.#readFile() };
      this.#isUp = true;
      this.#hasFailedTest = false;
    }
    return outcome;
  }

  async #run(script: string, args: readonly string[]): Promise<ScriptResult> {
    const { exitCode, all } = await execa("npm", ["run", script, "--", "--stack", this.stack, ...args], {
      cwd: root,
      env: this.env,
      extendEnv: false,
      reject: false,
      all: true,
      stdin: "ignore",
      timeout: scriptTimeoutSeconds * 1000,
    });
    return { code: exitCode ?? 1, output: all };
  }

  /** Runs an npm script as `npm` does. @throws with the end of its output when it fails */
  async runOrThrow(script: string, ...args: string[]): Promise<string> {
    const { code, output } = await this.npm(script, ...args);
    if (code !== 0) throw new Error(`npm run ${script} ended with ${code}:\n${tail(output)}`);
    return output;
  }

  /** Runs the Pulumi CLI. @returns its standard output */
  async pulumi(...args: string[]): Promise<string> {
    const { stdout } = await execa("npm", ["run", "-s", "pulumi", "--", ...args, "--stack", this.stack], {
      cwd: root,
      env: this.env,
      extendEnv: false,
      stdin: "ignore",
    });
    return stdout;
  }

  /** @returns the resources of the state; none when the stack does not exist */
  async resources(): Promise<StateResource[]> {
    const text = await this.pulumi("stack", "export").catch((error: unknown) => {
      if (String(error).includes("no stack named")) return "{}";
      throw error;
    });
    const { deployment } = JSON.parse(text) as { deployment?: { resources?: StateResource[] } };
    return deployment?.resources ?? [];
  }

  /** Sets one of the stack's secrets through standard input, as a user should. */
  async setSecret(key: string, value: string): Promise<void> {
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
    await this.writeFile(this.#lines);
  }

  /** Starts `npm run up` and resolves when its output matches; the process continues. */
  async upUntil(pattern: RegExp, ...flags: readonly string[]): Promise<RunningUp> {
    this.#isUp = false;
    const child = spawn("npm", ["run", "up", "--", "--stack", this.stack, ...flags], {
      cwd: root,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      // In a process group of its own, as in a terminal, where Ctrl-C reaches the whole group.
      detached: true,
    });
    const running = new RunningUp(child);
    this.#runs.push(running);
    await running.waitForOutput(pattern);
    return running;
  }

  /** Stops each `up` that `upUntil` has started and that is still running. */
  async stopRuns(): Promise<void> {
    await Promise.all(this.#runs.splice(0).map((running) => running.stop()));
  }

  async output(name: string): Promise<unknown> {
    return JSON.parse(await this.pulumi("stack", "output", name, "--json", "--show-secrets"));
  }

  /** Opens an AMQP connection. @param uri @default the one through the virtual address */
  async connect(uri?: string): Promise<amqp.ChannelModel> {
    return amqp.connect(uri ?? String(await this.output("amqpUri")));
  }
}
