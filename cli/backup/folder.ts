/** The folder of a stack's backups: names, modes, and which of them are kept. */
import { existsSync } from "node:fs";
import { chmod, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../user-error.ts";
import { shortStackName } from "../stack-file.ts";
import type { BackupLabel } from "./encrypted-file.ts";

const root = dirname(dirname(import.meta.dirname));

/** How many backups of a stack are kept that the program has made by itself. */
export const keptCount = 10;

/** @returns the folder, which `--to`, or else a variable, may name */
export function backupFolder(env: Readonly<Record<string, string | undefined>>, to?: string): string {
  return to ?? env["RABBITMQ_HA_BACKUP_FOLDER"] ?? join(root, "backups");
}

/** @returns such as `dev-2026-11-27T093012Z-3.10.8-before-destroy.backup` */
export function backupName({ stack, made, rabbitmqVersion, before }: BackupLabel): string {
  const time = made.replace(/\.\d+(?=Z$)/, "").replaceAll(":", "");
  const why = before === undefined ? "" : `-before-${before}`;
  return `${shortStackName(stack)}-${time}-${rabbitmqVersion}${why}.backup`;
}

/** @returns the stack's backups of a folder, the oldest first; of another stack, or another file, none is one */
export function backupsOf(
  stack: string,
  names: readonly string[],
): readonly { readonly name: string; readonly isAutomatic: boolean }[] {
  const start = `${shortStackName(stack)}-`;
  return names
    .filter((name) => name.startsWith(start))
    .flatMap((name) => {
      const found = /^\d{4}-\d\d-\d\dT\d{6}Z-[\w.+~]+(-before-[a-z-]+)?\.backup$/.exec(
        name.slice(start.length),
      );
      return found === null ? [] : [{ name, isAutomatic: found[1] !== undefined }];
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** @returns the newest backup of a stack; undefined without one */
export async function newestBackup(folder: string, stack: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const name = backupsOf(stack, names).at(-1)?.name;
  return name === undefined ? undefined : join(folder, name);
}

/**
 * Writes a backup that only its owner can read, and never over another file. It has its name only once it is whole. Of those
 * that the program made by itself, the last ones stay; one that somebody asked for always does.
 * @returns its path
 */
export async function storeBackup(folder: string, label: BackupLabel, file: Buffer): Promise<string> {
  const path = join(folder, backupName(label));
  const isNew = await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw unwritable(folder, error);
  });
  // A folder of somebody's own keeps its mode; the files have theirs in any case.
  if (isNew !== undefined) await chmod(folder, 0o700);
  try {
    // Another run that makes the same one at this moment ends here.
    const handle = await open(`${path}.new`, "wx", 0o600);
    try {
      await handle.writeFile(file);
      await handle.sync();
      await handle.close();
      if (existsSync(path)) throw new Error("EEXIST: there is such a file already");
      await rename(`${path}.new`, path);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(`${path}.new`, { force: true });
      throw error;
    }
  } catch (error) {
    throw unwritable(path, error);
  }
  if (label.before !== undefined) await removeOldest(folder, label.stack, basename(path));
  return path;
}

/** @param made the one that was just made: by its name it is the oldest if this computer's clock was set back */
async function removeOldest(folder: string, stack: string, made: string): Promise<void> {
  const automatic = backupsOf(stack, await readdir(folder)).filter(
    ({ isAutomatic, name }) => isAutomatic && name !== made,
  );
  for (const { name } of automatic.slice(0, -(keptCount - 1))) await rm(join(folder, name), { force: true });
}

function unwritable(path: string, error: unknown): UserError {
  const cause = error instanceof Error ? error.message : String(error);
  return new UserError(`the backup cannot be written to ${path}: ${cause}`);
}
