/** Set-up steps that may take long: prints what is done, how long it usually takes, and progress. */
import { execa } from "execa";
import { UserError } from "../user-error.ts";

/** Prints one line about set-up to standard error; standard output belongs to the command itself. */
export function logSetup(line: string): void {
  process.stderr.write(`set-up: ${line}\n`);
}

export interface StepArgs {
  /** What is being done, such as "building the Pulumi CLI". */
  readonly description: string;
  /** How long it usually takes, such as "5 minutes". */
  readonly usualDuration: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const progressIntervalMs = 20_000;
/** How many of the last lines of a failed command's output are shown. */
const shownLines = 25;

/**
 * Runs one command of set-up. Prints what it does and, every 20 s, its progress: how many lines it has written, and the
 * newest one.
 * @throws UserError with the end of its output when the command fails or cannot be started
 */
export async function runStep({
  description,
  usualDuration,
  command: [file, ...args],
  cwd,
  env,
}: StepArgs): Promise<void> {
  logSetup(`${description} (usually ${usualDuration})`);
  const started = Date.now();
  const seconds = (): number => Math.round((Date.now() - started) / 1000);
  const lines: string[] = [];
  const running = execa(file, args, {
    all: true,
    stdin: "ignore",
    reject: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  });
  const timer = setInterval(() => {
    const newest = lines.at(-1);
    logSetup(
      `… ${description}: ${seconds()} s${newest === undefined ? "" : `, ${lines.length} lines, now: ${newest.slice(0, 90)}`}`,
    );
  }, progressIntervalMs);
  try {
    for await (const line of running.iterable({ from: "all" })) lines.push(line);
  } catch {
    // A failed command ends the iteration with its error; the result below has the same error.
  }
  const result = await running;
  clearInterval(timer);
  if (result.failed) {
    const cause = result.exitCode === undefined ? result.shortMessage : `exit code ${result.exitCode}`;
    throw new UserError(`${description} failed (${cause}):\n${lines.slice(-shownLines).join("\n")}`);
  }
  logSetup(`${description}: done in ${seconds()} s`);
}
