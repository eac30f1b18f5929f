/** Runs and times one command of the benchmark, with a timeout. It is stopped together with its child processes. */
import { spawn } from "node:child_process";

export interface CommandArgs {
  readonly cwd?: string;
  /** @default this process's environment */
  readonly env?: NodeJS.ProcessEnv;
  /** Seconds after which it is stopped. */
  readonly timeoutSeconds: number;
  /** @default nothing */
  readonly input?: string;
  /** Stops it too. */
  readonly signal?: AbortSignal | undefined;
}

export interface CommandResult {
  readonly seconds: number;
  readonly stdout: string;
  /** Standard output and standard error, in the order they arrived. */
  readonly output: string;
}

/** Last lines of a failed command's output that the error shows. */
const maxErrorLines = 25;
/** Milliseconds between SIGTERM and SIGKILL. */
const killDelayMs = 5000;

/** @throws with the end of the output, when the command fails, takes too long or is interrupted */
export async function runCommand(
  [file, ...args]: readonly [string, ...string[]],
  how: CommandArgs,
): Promise<CommandResult> {
  const started = performance.now();
  // In a process group of its own, so that its child processes are stopped with it.
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
    setTimeout(() => signalGroup(child.pid, "SIGKILL"), killDelayMs).unref();
  };
  const interrupted = (): void => end("was interrupted");
  const timer = setTimeout(
    () => end(`did not end within ${how.timeoutSeconds} s`),
    how.timeoutSeconds * 1000,
  );
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
    const shown = output.trimEnd().split("\n").slice(-maxErrorLines).join("\n");
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
    // It has already ended.
  }
}
