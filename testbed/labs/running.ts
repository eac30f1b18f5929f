/** A command of the project under way, to be interrupted or killed. */
import type { ChildProcess } from "node:child_process";
import { execa } from "execa";

/** Seconds that one npm script may take. */
export const patience = 900;
/** Seconds that an interrupted `up` may take to end. */
const interruptPatience = 60;

/** An `npm run up` under way. */
export class Running {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  output = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.#ended = new Promise((resolve) => child.once("close", (code) => resolve(code ?? 1)));
  }

  /** @throws when the process ends, or the time is up, before its output matches */
  async shows(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + patience * 1000;
    while (!pattern.test(this.output)) {
      if (this.#child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`up ended, or took too long, before it showed ${pattern}:\n${tail(this.output)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends a signal to the Pulumi CLI alone, as the kernel's out-of-memory killer would. */
  async killCli(signal: "SIGKILL"): Promise<void> {
    const { stdout } = await execa("ps", ["-o", "pid=,comm=", "-g", String(this.#child.pid)]);
    const cli = stdout.split("\n").find((line) => line.endsWith(" pulumi"));
    if (cli === undefined) throw new Error(`no pulumi among:\n${stdout}`);
    process.kill(Number.parseInt(cli, 10), signal);
  }

  /** What Ctrl-C in a terminal does: SIGINT to the whole group. */
  interrupt(): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGINT");
  }

  async ended(): Promise<number> {
    return this.#ended;
  }

  /** Ends what is still there of it: by Ctrl-C, and what outlives that by SIGKILL. */
  async end(): Promise<void> {
    if ((await this.survivors()) === "") return;
    this.interrupt();
    const deadline = Date.now() + interruptPatience * 1000;
    while ((await this.survivors()) !== "") {
      if (Date.now() > deadline) {
        this.#kill();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #kill(): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
  }

  /** The processes of the group that are still there, a line each. */
  async survivors(): Promise<string> {
    const { stdout } = await execa("ps", ["-o", "pid=,args=", "-g", String(this.#child.pid)], {
      reject: false,
    });
    return stdout.trim();
  }
}

/** The end of a long output, for an error; before it the last errors that the Pulumi CLI told, which its summary follows. */
export function tail(text: string, lines = 60): string {
  const all = text.split("\n");
  const end = all.slice(-lines);
  const begin = all.findLastIndex((line) => line.startsWith("Diagnostics:"));
  if (begin < 0 || begin >= all.length - lines) return end.join("\n");
  const length = all.slice(begin).findIndex((line) => /^(Outputs|Resources):/.test(line));
  const told = all.slice(begin, length < 0 ? undefined : begin + length).slice(0, 2 * lines);
  return [...told, "…", ...end].join("\n");
}
