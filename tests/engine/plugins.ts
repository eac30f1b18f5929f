import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * A Pulumi home with the real binaries; if set, the same tests run against those. They are
 * `bin/pulumi-language-nodejs` and `plugins/resource-command-v1.2.1/pulumi-resource-command`.
 */
const realHome = process.env["RABBITMQ_HA_REAL_PULUMI_HOME"];

/** Skips the few tests in which the stand-ins differ on purpose; each says why. */
export const usesRealPlugins = realHome !== undefined;

const standInFolder = fileURLToPath(new URL("../../toolchain/engine", import.meta.url));

export type PluginName = "language-host" | "command-provider";

const realPaths: Record<PluginName, string> = {
  "language-host": "bin/pulumi-language-nodejs",
  "command-provider": "plugins/resource-command-v1.2.1/pulumi-resource-command",
};

/** A running plug-in as the engine starts it: a process that has printed its port. */
export interface Plugin {
  readonly address: string;
  readonly process: ChildProcess;
  /** Everything that it has written to stdout after its port, and to stderr. */
  readonly output: () => string;
}

export interface LaunchOptions {
  readonly engine: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** Starts a plug-in as the engine does and waits for its port. */
export async function launch(name: PluginName, options: LaunchOptions): Promise<Plugin> {
  const program = realHome === undefined ? process.execPath : join(realHome, realPaths[name]);
  const args =
    realHome === undefined ? [join(standInFolder, `${name}.ts`), options.engine] : [options.engine];
  const child = spawn(program, args, {
    // The SSH agent of the user who runs the tests must not be used.
    env: { ...process.env, SSH_AUTH_SOCK: "", ...options.env },
    cwd: options.cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const port = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const newline = text.indexOf("\n");
      if (newline >= 0) {
        resolve(text.slice(0, newline));
        output += text.slice(newline + 1);
        text = "\n";
      }
    });
    child.once("error", reject);
    child.once("exit", () => {
      reject(new Error(`${name} ended without a port: ${output}`));
    });
  });
  return { address: `127.0.0.1:${port.trim()}`, process: child, output: () => output };
}

/** How long a plug-in may take to end after SIGTERM. */
const TERMINATION_TIMEOUT_MS = 3_000;

/** Ends a plug-in, if it still runs, and waits for its end. */
export async function endPlugin({ process: child }: Plugin): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const killTimer = setTimeout(() => child.kill("SIGKILL"), TERMINATION_TIMEOUT_MS);
    await ended;
    clearTimeout(killTimer);
  }
}

/** Whether a process with this ID exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until a condition holds. @throws Error at the time limit */
export async function waitUntil(condition: () => boolean, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`still false after ${String(limitMs)} ms: ${condition.toString()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
