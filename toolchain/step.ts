/** Set-up steps that may take long: what is done, how long it usually takes, and a sign of life meanwhile. */
import { execa } from "execa";
import { UserError } from "../user-error.ts";

/** Writes one line of set-up's talk; standard output belongs to the command itself. */
export function say(line: string): void {
  process.stderr.write(`set-up: ${line}\n`);
}

export interface StepArgs {
  /** What is being done, such as "building the Pulumi CLI". */
  readonly what: string;
  /** How long it usually takes, such as "5 minutes". */
  readonly usually: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Milliseconds between two signs of life. */
const pulse = 20_000;
/** Lines of a failed command's output that are shown. */
const tail = 25;

/**
 * Runs one command of set-up. Says what it does, every 20 s how far it is (the number of lines it has written and
 * the newest one), and at a failure the end of its output.
 * @throws UserError when the command fails or cannot be started.
 */
export async function step({ what, usually, command: [file, ...args], cwd, env }: StepArgs): Promise<void> {
  say(`${what} (usually ${usually})`);
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
    say(
      `… ${what}: ${seconds()} s${newest === undefined ? "" : `, ${lines.length} lines, now: ${newest.slice(0, 90)}`}`,
    );
  }, pulse);
  try {
    for await (const line of running.iterable({ from: "all" })) lines.push(line);
  } catch {
    // A failed command ends the iteration with its error, which the result below carries too.
  }
  const result = await running;
  clearInterval(timer);
  if (result.failed) {
    const cause = result.exitCode === undefined ? result.shortMessage : `exit code ${result.exitCode}`;
    throw new UserError(`${what} failed (${cause}):\n${lines.slice(-tail).join("\n")}`);
  }
  say(`${what}: done in ${seconds()} s`);
}
