/** Runs the Pulumi CLI in this project's environment. */
import { dirname } from "node:path";
import { execa } from "execa";
import { holdInterrupt } from "./interrupt.ts";
import { UserError } from "../user-error.ts";

const root = dirname(import.meta.dirname);

/** How a run of the CLI ended, and what it printed. */
export interface CliOutput {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PulumiCli {
  readonly env: Readonly<Record<string, string>>;
  /** Runs the CLI on this terminal. @returns its exit code */
  run(args: readonly string[]): Promise<number>;
  /** Runs the CLI and captures its output. */
  capture(args: readonly string[], input?: string): Promise<CliOutput>;
  /** Runs the CLI. @returns its standard output @throws UserError with the CLI's output if it fails */
  captureOrThrow(args: readonly string[], input?: string): Promise<string>;
}

export function makePulumiCli(cli: string, env: Readonly<Record<string, string>>): PulumiCli {
  const options = { cwd: root, env, extendEnv: false, reject: false } as const;
  const ask = async (args: readonly string[], input?: string): Promise<CliOutput> => {
    const { failed, stdout, stderr } = await execa(cli, ["--non-interactive", ...args], {
      ...options,
      ...(input === undefined ? { stdin: "ignore" } : { input }),
    });
    return { failed, stdout, stderr };
  };
  return {
    env,
    capture: ask,
    async run(args) {
      // Ctrl-C reaches the CLI through the terminal. It ends in order with its children; this process waits.
      const { exitCode, signal, shortMessage } = await holdInterrupt(() =>
        execa(cli, args, { ...options, stdio: "inherit", forceKillAfterDelay: false }),
      );
      if (exitCode !== undefined) return exitCode;
      if (signal !== undefined) return signal === "SIGINT" ? 130 : 143;
      throw new UserError(`the Pulumi CLI could not be run: ${shortMessage ?? cli}`);
    },
    async captureOrThrow(args, input) {
      const { failed, stdout, stderr } = await ask(args, input);
      if (failed) throw new UserError(`pulumi ${args.slice(0, 2).join(" ")} failed:\n${stderr || stdout}`);
      return stdout;
    },
  };
}
