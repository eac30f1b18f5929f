/** Lets one migration at a time run on this computer, and none beside an `up`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { UserError } from "../../user-error.ts";
import { isHolderRunning, readLocks } from "../file-backend.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { projectName } from "../stack.ts";
import { lockFileOf, lockFolder, refuseWhileMigrated } from "./lock-file.ts";

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
  mkdirSync(lockFolder, { recursive: true });
  for (const stack of stacks) {
    refuseWhileMigrated(stack);
    writeFileSync(lockFileOf(stack), String(process.pid));
  }
  try {
    return await work();
  } finally {
    for (const stack of stacks) rmSync(lockFileOf(stack), { force: true });
  }
}
