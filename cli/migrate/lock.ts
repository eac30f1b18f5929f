/** Lets one migration at a time run on this computer, and none beside an `up`. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../user-error.ts";
import { isHolderRunning, readLocks } from "../file-backend.ts";
import { mayRun } from "../process-holder.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { projectName } from "../stack.ts";

const folder = join(dirname(dirname(import.meta.dirname)), ".pulumi-state");

/**
 * Does the work while it holds the lock, which ends with this process.
 * @throws UserError with the process that has one of the stacks
 */
export async function withMigrationLock<T>(
  pulumi: PulumiCli,
  stacks: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  for (const stack of stacks) {
    const active = readLocks(pulumi, projectName, stack).find(isHolderRunning);
    if (active !== undefined)
      throw new UserError(
        `stack ${stack} is being worked on by process ${active.pid}; wait for it, or end it first`,
      );
  }
  const files = stacks.map((stack) => join(folder, `migrate-${stack.replaceAll("/", "-")}.lock`));
  mkdirSync(folder, { recursive: true });
  for (const [index, file] of files.entries()) {
    const holder = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    if (holder !== process.pid && isMigrating(holder))
      throw new UserError(
        `stack ${String(stacks[index])} is being migrated by process ${holder}; wait for it, or end it first`,
      );
    writeFileSync(file, String(process.pid));
  }
  try {
    return await work();
  } finally {
    for (const file of files) rmSync(file, { force: true });
  }
}

function isMigrating(pid: number): boolean {
  return pid > 0 && mayRun(pid, (commandLine) => commandLine.split("\0").includes("migrate"));
}
