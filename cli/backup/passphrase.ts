/** The passphrase of a stack's backups: its own, since a backup has to outlive the stack's state. */
import { readFileSync } from "node:fs";
import { UserError } from "../../user-error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param provider the secrets provider of the stack's state; undefined if the state names none
 * @returns the passphrase that `RABBITMQ_HA_BACKUP_PASSPHRASE(_FILE)` gives, or else that of the stack's secrets
 * @throws UserError if neither is there
 */
export function backupPassphrase(env: Environment, stack: string, provider: string | undefined): string {
  const own = readPassphrase(env, "RABBITMQ_HA_BACKUP_PASSPHRASE");
  const isOfStack = (provider ?? "passphrase") === "passphrase";
  const found = own ?? (isOfStack ? readPassphrase(env, "PULUMI_CONFIG_PASSPHRASE") : undefined);
  if (found !== undefined && found !== "") return found;
  const why = isOfStack
    ? `stack ${stack} has no passphrase`
    : `the secrets of stack ${stack} are encrypted by another provider (${String(provider)}), which ends with the stack`;
  throw new UserError(
    `${why}, so a backup needs one of its own: write one to a file that only you can read, and export ` +
      "RABBITMQ_HA_BACKUP_PASSPHRASE_FILE=THAT-FILE",
  );
}

/** Reads a variable, or the file that the variable with `_FILE` names, as the Pulumi CLI does. */
function readPassphrase(env: Environment, name: string): string | undefined {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  const path = env[`${name}_FILE`];
  if (path === undefined || path === "") return value;
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new UserError(`${name}_FILE cannot be read: ${error instanceof Error ? error.message : path}`);
  }
}
