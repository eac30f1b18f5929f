/** Ctrl-C ends a command at once, but not while something runs that gets it too and ends in order. */
import { UserError } from "../user-error.ts";

let held = 0;
let isInterrupted = false;

/** From now on Ctrl-C ends this process with 130, unless something holds it. All commands go on from where one was ended. */
export function endOnInterrupt(): void {
  process.on("SIGINT", () => {
    isInterrupted = true;
    if (held > 0) return;
    process.stderr.write("\ninterrupted\n");
    process.exit(130);
  });
}

/**
 * Does what ends in order after Ctrl-C, such as a run of the Pulumi CLI.
 * @throws UserError if Ctrl-C has come before
 */
export async function holdInterrupt<T>(work: () => Promise<T>): Promise<T> {
  if (isInterrupted) throw new UserError("interrupted; nothing more was begun");
  held += 1;
  try {
    return await work();
  } finally {
    held -= 1;
  }
}
