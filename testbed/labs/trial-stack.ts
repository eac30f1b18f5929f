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

/** A resource of the stack's state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
}

export abstract class TrialStack {
  readonly stack: string;
  #state = "";
  /** What `writeFile` was first given, and last. */
  #firstLines: readonly string[] | undefined;
  #lines: readonly string[] = [];
  /** The same, and the file's text, when an `up` last ended well. */
  #cameUpWith: { readonly lines: readonly string[]; readonly text: string } | undefined;
  /** Whether neither the file nor the stack was worked on since then by another `up`, or by `destroy`. */
  #isUp = false;
  /** Whether a test has failed since then, so that its hosts may be in any state. */
  #inDoubt = false;
  readonly #runs: Running[] = [];

  /** @param stack its name */
  constructor(stack: string) {
    this.stack = stack;
  }

  get #file(): string {
    return join(root, `Pulumi.${this.stack}.yaml`);
  }

  /** @throws when the stack is not open: without a state of its own it would work on the user's */
  get env(): NodeJS.ProcessEnv {
    if (this.#state === "") throw new Error(`stack ${this.stack} is not open yet`);
    return { ...process.env, PULUMI_BACKEND_URL: `file://${this.#state}?create_dir=true` };
  }

  /** Makes what the stack needs, and writes its file. */
  abstract open(settings?: string): Promise<void>;

  /** Takes all of it away. */
  abstract close(): Promise<void>;

  /** Begins with an empty state. */
  protected async begin(): Promise<void> {
    this.#firstLines = undefined;
    this.#cameUpWith = undefined;
    this.#isUp = false;
    this.#state = await mkdtemp(join(tmpdir(), "rabbitmq-ha-test-"));
  }

  /** Takes away everything of the stack's by the user's own command. */
  protected async destroyAll(): Promise<void> {
    await this.endRuns();
    if (this.#state !== "") await this.npm("destroy");
  }

  /** Removes the stack's file and state. */
  protected async forget(): Promise<void> {
    await rm(this.#file, { force: true });
    if (this.#state !== "") await rm(this.#state, { recursive: true, force: true });
  }

  /** Writes the stack's file anew, from lines of its `config`; what the CLI put there stays: the salt, and secrets. */
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

  /** Writes the stack's file as it was when an `up` last ended well, or before any did, when the stack was opened. */
  protected async restoreFile(): Promise<void> {
    if (this.#cameUpWith === undefined) {
      await this.writeFile(this.#firstLines ?? []);
      return;
    }
    const { lines, text } = this.#cameUpWith;
    this.#lines = lines;
    await writeFile(this.#file, text);
  }

  /** Runs `up` unless the last one ended well with this very file; after a failed test, and with `--repair` if need be. */
  protected async upUnlessDone(): Promise<void> {
    if (this.#isUp && (await this.#readFile()) === this.#cameUpWith?.text) return;
    if (this.#inDoubt && (await this.npm("up")).code === 0) return;
    // Only a stack that has been up can be repaired, so the plain one comes first.
    await this.must("up", ...(this.#inDoubt ? ["--repair"] : []));
  }

  /** Makes the next test that wants the stack to be up begin with an `up`, since a failed one left it in any state. */
  doubt(): void {
    this.#isUp = false;
    this.#inDoubt = true;
  }

  /** Runs one of the project's npm scripts on this stack. */
  async npm(script: string, ...args: string[]): Promise<Outcome> {
    if (script === "up" || script === "destroy") this.#isUp = false;
    const outcome = await this.#run(script, args);
    if (script === "up" && outcome.code === 0) {
      // The CLI lays the file out anew when it adds the salt; so that two can be compared, it is written as usual again.
      await this.writeFile(this.#lines);
      this.#cameUpWith = { lines: this.#lines, text: await this.#readFile() };
      this.#isUp = true;
      this.#inDoubt = false;
    }
    return outcome;
  }

  async #run(script: string, args: readonly string[]): Promise<Outcome> {
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

  /** The resources of the state; none where there is no such stack. */
  async resources(): Promise<StateResource[]> {
    const text = await this.pulumi("stack", "export").catch((error: unknown) => {
      if (String(error).includes("no stack named")) return "{}";
      throw error;
    });
    const { deployment } = JSON.parse(text) as { deployment?: { resources?: StateResource[] } };
    return deployment?.resources ?? [];
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
    await this.writeFile(this.#lines);
  }

  /** Starts `npm run up` and resolves when its output matches; the process goes on. */
  async upUntil(pattern: RegExp): Promise<Running> {
    this.#isUp = false;
    const child = spawn("npm", ["run", "up", "--", "--stack", this.stack], {
      cwd: root,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, as a terminal gives one: Ctrl-C goes to all of it.
      detached: true,
    });
    const running = new Running(child);
    this.#runs.push(running);
    await running.shows(pattern);
    return running;
  }

  /** Ends each `up` that `upUntil` started and that is still under way. */
  async endRuns(): Promise<void> {
    await Promise.all(this.#runs.splice(0).map((running) => running.end()));
  }

  async output(name: string): Promise<unknown> {
    return JSON.parse(await this.pulumi("stack", "output", name, "--json", "--show-secrets"));
  }

  /** @param uri @default the one through the virtual address */
  async connect(uri?: string): Promise<amqp.ChannelModel> {
    return amqp.connect(uri ?? String(await this.output("amqpUri")));
  }
}
