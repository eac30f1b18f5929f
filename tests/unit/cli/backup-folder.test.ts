/** The folder of backups: names, modes, and which of them are kept. The passphrase that they get. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import {
  backupFolder,
  backupName,
  backupsOf,
  keptCount,
  newestBackup,
  storeBackup,
} from "../../../cli/backup/folder.ts";
import { backupPassphrase } from "../../../cli/backup/passphrase.ts";

const base = mkdtempSync(join(tmpdir(), "rabbitmq-ha-backups-"));
after(() => {
  rmSync(base, { recursive: true });
});

const label = (minute: number, before?: string, stack = "dev") => ({
  stack,
  clusterName: "c1",
  made: `2026-11-27T09:${String(minute).padStart(2, "0")}:12.345Z`,
  rabbitmqVersion: "3.10.8",
  ...(before === undefined ? {} : { before }),
});
const text = Buffer.from("x");

test("a file is named by stack, time and version, and by what it was made before", () => {
  assert.equal(backupName(label(30)), "dev-2026-11-27T093012Z-3.10.8.backup");
  assert.equal(
    backupName(label(30, "destroy", "acme/rabbitmq-ha/prod")),
    "prod-2026-11-27T093012Z-3.10.8-before-destroy.backup",
  );
});

test("only its owner can read a backup and its folder, and no file is written over", async () => {
  const folder = join(base, "new", "folder");
  const path = await storeBackup(folder, label(1), text);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  await assert.rejects(
    storeBackup(folder, label(1), Buffer.from("y")),
    /cannot be written to .*dev-.*: EEXIST/,
  );
  assert.equal(readFileSync(path, "utf8"), "x");
  assert.deepEqual(readdirSync(folder).length, 1);
  const shared = mkdtempSync(join(base, "shared-"));
  chmodSync(shared, 0o755);
  await storeBackup(shared, label(1), text);
  assert.equal(statSync(shared).mode & 0o777, 0o755);
  const file = join(base, "file");
  writeFileSync(file, "");
  await assert.rejects(storeBackup(join(file, "below"), label(1), text), /cannot be written to .*ENOTDIR/);
});

test("a run that is killed meanwhile leaves no file that counts as a backup", async () => {
  const folder = join(base, "killed");
  mkdirSync(folder);
  const bytes = 256 * 1024 * 1024;
  const module = join(import.meta.dirname, "../../../cli/backup/folder.ts");
  const script = `const { storeBackup } = await import(${JSON.stringify(module)});
    await storeBackup(${JSON.stringify(folder)}, ${JSON.stringify(label(1, "destroy"))}, Buffer.alloc(${bytes}));`;
  const run = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
  const ended = once(run, "exit");
  while (readdirSync(folder).length === 0 && run.exitCode === null) await pause(1);
  run.kill("SIGKILL");
  await ended;
  const [name = "none"] = readdirSync(folder);
  assert.ok(name.startsWith("dev-2026"), name);
  const newest = await newestBackup(folder, "dev");
  // It may have been faster.
  assert.ok(newest === undefined || statSync(newest).size === bytes);
});

test("of those that the program made the last ones stay; one made by hand, or of another stack, always does", async () => {
  const folder = join(base, "many");
  const byHand = await storeBackup(folder, label(0), text);
  const other = await storeBackup(folder, label(0, "destroy", "dev-2"), text);
  const strange = join(folder, "dev-notes-before-destroy.backup");
  writeFileSync(strange, "");
  const made: string[] = [];
  for (let minute = 1; minute <= keptCount + 3; minute++)
    made.push(await storeBackup(folder, label(minute, minute % 2 === 0 ? "destroy" : "force-boot"), text));
  assert.deepEqual(
    made.map((path) => existsSync(path)),
    made.map((_, index) => index >= 3),
  );
  for (const path of [byHand, other, strange]) assert.ok(existsSync(path), path);
  assert.equal(await newestBackup(folder, "dev"), made.at(-1));
  assert.equal(await newestBackup(folder, "prod"), undefined);
  assert.equal(await newestBackup(join(base, "none"), "dev"), undefined);
  assert.equal(backupsOf("dev-2", readdirSync(folder)).length, 1);
});

test("the backup that was just made stays, also where this computer's clock was set back", async () => {
  const folder = join(base, "set-back");
  for (let minute = 10; minute < 10 + keptCount; minute++)
    await storeBackup(folder, label(minute, "destroy"), text);
  const made = await storeBackup(folder, label(1, "destroy"), text);
  assert.ok(existsSync(made));
  assert.equal(readdirSync(folder).length, keptCount);
});

test("the folder is the project's, a variable's or the option's", () => {
  assert.match(backupFolder({}), /\/backups$/);
  assert.equal(backupFolder({ RABBITMQ_HA_BACKUP_FOLDER: "/b" }), "/b");
  assert.equal(backupFolder({ RABBITMQ_HA_BACKUP_FOLDER: "/b" }, "/c"), "/c");
});

test("the passphrase is that of the backups, else that of a stack whose secrets have one; else words", () => {
  const file = join(base, "passphrase");
  writeFileSync(file, "from a file\n");
  const of = (env: Record<string, string>, provider?: string) => backupPassphrase(env, "prod", provider);
  assert.equal(of({ PULUMI_CONFIG_PASSPHRASE: "a" }), "a");
  assert.equal(of({ PULUMI_CONFIG_PASSPHRASE_FILE: file }, "passphrase"), "from a file");
  assert.equal(of({ PULUMI_CONFIG_PASSPHRASE: "a", RABBITMQ_HA_BACKUP_PASSPHRASE: "b" }), "b");
  assert.equal(of({ RABBITMQ_HA_BACKUP_PASSPHRASE_FILE: file }, "service"), "from a file");
  // That passphrase is of another stack: the secrets of this one do not need it.
  assert.throws(
    () => of({ PULUMI_CONFIG_PASSPHRASE: "a" }, "service"),
    /of stack prod are encrypted by another provider \(service\).*export RABBITMQ_HA_BACKUP_PASSPHRASE_FILE=/,
  );
  for (const env of [{}, { PULUMI_CONFIG_PASSPHRASE: "" }])
    assert.throws(() => of(env), /stack prod has no passphrase, so a backup needs one of its own/);
  assert.throws(
    () => of({ PULUMI_CONFIG_PASSPHRASE_FILE: `${file}x` }),
    /PASSPHRASE_FILE cannot be read: ENOENT/,
  );
});
