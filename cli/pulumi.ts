/** Runs the Pulumi CLI in this project's environment. */
import { dirname } from "node:path";
import { execa } from "execa";
import { UserError } from "../user-error.ts";

const root = dirname(import.meta.dirname);

export interface Answer {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Pulumi {
  readonly env: Readonly<Record<string, string>>;
  /** Runs the CLI on this terminal. @returns its exit code */
  run(args: readonly string[]): Promise<number>;
  /** Runs the CLI for its answer. */
  ask(args: readonly string[], input?: string): Promise<Answer>;
  /** As `ask`, and an error with what the CLI said when it fails. */
  must(args: readonly string[], input?: string): Promise<string>;
}

export function pulumiCli(cli: string, env: Readonly<Record<string, string>>): Pulumi {
  const options = { cwd: root, env, extendEnv: false, reject: false } as const;
  const ask = async (args: readonly string[], input?: string): Promise<Answer> => {
    const { failed, stdout, stderr } = await execa(cli, ["--non-interactive", ...args], {
      ...options,
      ...(input === undefined ? { stdin: "ignore" } : { input }),
    });
    return { failed, stdout, stderr };
  };
  return {
    env,
    ask,
    async run(args) {
      // Ctrl-C reaches the CLI through the terminal; it winds up and we wait for it. Its children follow it.
      const { exitCode, signal, shortMessage } = await execa(cli, args, {
        ...options,
        stdio: "inherit",
        forceKillAfterDelay: false,
      });
      if (exitCode !== undefined) return exitCode;
      if (signal !== undefined) return signal === "SIGINT" ? 130 : 143;
      throw new UserError(`the Pulumi CLI could not be run: ${shortMessage ?? cli}`);
    },
    async must(args, input) {
      const { failed, stdout, stderr } = await ask(args, input);
      if (failed) throw new UserError(`pulumi ${args.slice(0, 2).join(" ")} failed:\n${stderr || stdout}`);
      return stdout;
    },
  };
}
