/** A running command of the project, which tests interrupt or kill. */
import type { ChildProcess } from "node:child_process";
import { execa } from "execa";

/** Seconds that one npm script may take. */
export const scriptTimeoutSeconds = 900;
/** Seconds in which an interrupted `up` has to end. */
const interruptTimeoutSeconds = 60;

/** A running `npm run up`. */
export class RunningUp {
  readonly #child: ChildProcess;
  readonly #exitCode: Promise<number>;
  output = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.#exitCode = new Promise((resolve) => child.once("close", (code) => resolve(code ?? 1)));
  }

  /** Waits until the output matches. @throws when the process ends, or the time is up, before */
  async waitForOutput(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + scriptTimeoutSeconds * 1000;
    while (!pattern.test(this.output)) {
      if (this.#child.exitCode !== null || Date.now() > deadline) {
        throw new Error(
          `up ended, or took too long, before its output matched ${pattern}:\n${tail(this.output)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends a signal only to the Pulumi CLI, as the kernel's out-of-memory killer would. */
  async killCli(signal: "SIGKILL"): Promise<void> {
    const { stdout } = await execa("ps", ["-o", "pid=,comm=", "-g", String(this.#child.pid)]);
    const cli = stdout.split("\n").find((line) => line.endsWith(" pulumi"));
    if (cli === undefined) throw new Error(`no pulumi process among:\n${stdout}`);
    process.kill(Number.parseInt(cli, 10), signal);
  }

  /** Sends SIGINT to the whole process group, as Ctrl-C in a terminal does. */
  interrupt(): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGINT");
  }

  async exitCode(): Promise<number> {
    return this.#exitCode;
  }

  /** Stops its remaining processes: by SIGINT first, and by SIGKILL when that takes too long. */
  async stop(): Promise<void> {
    if ((await this.listProcesses()) === "") return;
    this.interrupt();
    const deadline = Date.now() + interruptTimeoutSeconds * 1000;
    while ((await this.listProcesses()) !== "") {
      if (Date.now() > deadline) {
        this.kill();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Kills its whole process group, as a closed terminal or a power cut of this computer does. */
  kill(): void {
    if (this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
  }

  /** @returns the remaining processes of the group, a line each */
  async listProcesses(): Promise<string> {
    const { stdout } = await execa("ps", ["-o", "pid=,args=", "-g", String(this.#child.pid)], {
      reject: false,
    });
    return stdout.trim();
  }
}

/** @returns the end of a long output, for an error, preceded by the Pulumi CLI's last diagnostics if they are earlier */
export function tail(text: string, lines = 60): string {
  const all = text.split("\n");
  const end = all.slice(-lines);
  const begin = all.findLastIndex((line) => line.startsWith("Diagnostics:"));
  if (begin < 0 || begin >= all.length - lines) return end.join("\n");
  const length = all.slice(begin).findIndex((line) => /^(Outputs|Resources):/.test(line));
  const diagnostics = all.slice(begin, length < 0 ? undefined : begin + length).slice(0, 2 * lines);
  return [...diagnostics, "…", ...end].join("\n");
}
