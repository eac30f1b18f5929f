/** Runs one command of the benchmark: bounded in time, ended with everything below it, and timed. */
import { spawn } from "node:child_process";

export interface CommandArgs {
  readonly cwd?: string;
  /** @default this process's environment */
  readonly env?: NodeJS.ProcessEnv;
  /** Seconds after which it is ended. */
  readonly deadline: number;
  /** @default nothing */
  readonly input?: string;
  /** Ends it too. */
  readonly signal?: AbortSignal | undefined;
}

export interface Timed {
  readonly seconds: number;
  readonly stdout: string;
  /** Standard output and standard error as they came. */
  readonly output: string;
}

/** Lines of a failed command's output that are shown. */
const tail = 25;
/** Milliseconds that a command has to wind up. */
const grace = 5000;

/** @throws when the command fails, takes too long or is interrupted: with the end of its output */
export async function run([file, ...args]: readonly [string, ...string[]], how: CommandArgs): Promise<Timed> {
  const started = performance.now();
  // A process group of its own, so that what it started ends with it.
  const child = spawn(file, args, {
    cwd: how.cwd,
    env: how.env ?? process.env,
    detached: true,
    stdio: "pipe",
  });
  let stdout = "";
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    output += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stdin.on("error", () => undefined).end(how.input ?? "");

  let ended = "";
  const end = (why: string): void => {
    ended ||= why;
    signalGroup(child.pid, "SIGTERM");
    setTimeout(() => signalGroup(child.pid, "SIGKILL"), grace).unref();
  };
  const interrupted = (): void => end("was interrupted");
  const timer = setTimeout(() => end(`was not done after ${how.deadline} s`), how.deadline * 1000);
  how.signal?.addEventListener("abort", interrupted);
  if (how.signal?.aborted === true) interrupted();
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status) => resolve(status ?? 1));
    });
    const seconds = (performance.now() - started) / 1000;
    if (ended === "" && code === 0) return { seconds, stdout, output };
    const what = ended === "" ? `ended with ${code}` : ended;
    const shown = output.trimEnd().split("\n").slice(-tail).join("\n");
    throw new Error(`${[file, ...args].join(" ").slice(0, 120)} ${what}:\n${shown}`);
  } finally {
    clearTimeout(timer);
    how.signal?.removeEventListener("abort", interrupted);
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
}
