import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants as fs, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { archiveOfPaths, assetsOfPaths } from "./assets.ts";
import { codeOf, errnoText, messageOf, quote } from "./go-text.ts";
import { contextError, type Captured, type OperationContext, type ScriptInputs } from "./operation.ts";
import { killTree } from "./process-tree.ts";
import { Recorder } from "./recorder.ts";
import type { WireMap } from "./wire.ts";

export interface LocalInputs extends ScriptInputs {
  readonly interpreter?: readonly string[];
  readonly dir?: string;
  readonly assetPaths?: readonly string[];
  readonly archivePaths?: readonly string[];
}

/** The captured streams of a local command and its files: `assets` and `archive`. */
export interface LocalResult extends Captured {
  readonly files: WireMap;
}

export async function runLocal(
  script: string,
  inputs: LocalInputs,
  previous: Captured,
  context: OperationContext,
): Promise<LocalResult> {
  const recorder = new Recorder(inputs.logging, (line) => context.log.status(context.urn, line));
  const failure = await execute(script, inputs, previous, context.signal, recorder);
  await recorder.end();
  if (failure !== undefined) {
    throw new Error(`${failure}: running ${quote(script)}:\n${recorder.combined()}`);
  }
  const dir = inputs.dir ?? process.cwd();
  const files: WireMap = {};
  if (inputs.assetPaths !== undefined) {
    files["assets"] = await assetsOfPaths(dir, inputs.assetPaths);
  }
  if (inputs.archivePaths !== undefined) {
    files["archive"] = await archiveOfPaths(dir, inputs.archivePaths);
  }
  return { ...recorder.captured(), files };
}

/** @returns the failure in the words of Go's os/exec, or undefined */
function execute(
  script: string,
  inputs: LocalInputs,
  previous: Captured,
  signal: AbortSignal,
  recorder: Recorder,
): Promise<string | undefined> {
  const given = inputs.interpreter ?? [];
  const [program = "/bin/sh", ...rest] = given.length > 0 ? given : ["/bin/sh", "-c"];
  const env = { ...process.env, ...inputs.environment, ...previousAsVariables(inputs, previous) };
  if (signal.aborted) {
    return Promise.resolve(contextError(signal).message);
  }
  let child: ChildProcess;
  try {
    child = spawn(program, [...rest, script], { cwd: inputs.dir, env, stdio: "pipe" });
  } catch (error) {
    return Promise.resolve(startFailure(error, program, inputs.dir));
  }
  // The child stays in this process's group, so that an engine that kills the group kills it as well.
  const kill = (): void => {
    killTree(child.pid);
  };
  signal.addEventListener("abort", kill);
  child.stdout?.on("data", recorder.stdout);
  child.stderr?.on("data", recorder.stderr);
  // A command may end without having read its input.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(inputs.stdin ?? "");
  return new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => {
      resolve(startFailure(error, program, inputs.dir));
    });
    child.on("close", (code, ended) => {
      resolve(ended === null ? (code === 0 ? undefined : `exit status ${String(code)}`) : signalText(ended));
    });
  }).finally(() => {
    signal.removeEventListener("abort", kill);
  });
}

function previousAsVariables(inputs: LocalInputs, { stdout, stderr }: Captured): NodeJS.ProcessEnv {
  if (inputs.addPreviousOutputInEnv === false) {
    return {};
  }
  return {
    ...(stdout === "" ? {} : { PULUMI_COMMAND_STDOUT: stdout }),
    ...(stderr === "" ? {} : { PULUMI_COMMAND_STDERR: stderr }),
  };
}

function startFailure(error: unknown, program: string, dir: string | undefined): string {
  const reason = errnoText(codeOf(error)) ?? messageOf(error);
  if (!program.includes("/") && !onPath(program)) {
    return `exec: ${quote(program)}: executable file not found in $PATH`;
  }
  if (dir !== undefined && statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return `chdir ${dir}: ${reason}`;
  }
  return `fork/exec ${program}: ${reason}`;
}

function onPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), fs.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Go's texts for signals (syscall package). */
const SIGNAL_NAMES: Partial<Record<NodeJS.Signals, string>> = {
  SIGABRT: "aborted",
  SIGALRM: "alarm clock",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
};

function signalText(signal: NodeJS.Signals): string {
  return `signal: ${SIGNAL_NAMES[signal] ?? signal}`;
}
