/** The files by which a migration has its two stacks, on this computer. Each has the number of its process. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../../user-error.ts";
import { mayRun } from "../process-holder.ts";

export const lockFolder = join(dirname(dirname(import.meta.dirname)), ".pulumi-state");

export function lockFileOf(stack: string): string {
  return join(lockFolder, `migrate-${stack.replaceAll("/", "-")}.lock`);
}

/** @throws UserError if another process migrates the stack */
export function refuseWhileMigrated(stack: string): void {
  const holder = migratingProcess(stack);
  if (holder === undefined) return;
  throw new UserError(`stack ${stack} is being migrated by process ${holder}; wait for it, or end it first`);
}

/** @returns the process that migrates a stack, if it is another one than this; undefined if there is none */
export function migratingProcess(stack: string): number | undefined {
  const file = lockFileOf(stack);
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  const isOther = pid > 0 && pid !== process.pid;
  return isOther && mayRun(pid, (commandLine) => commandLine.split("\0").includes("migrate"))
    ? pid
    : undefined;
}
