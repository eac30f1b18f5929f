/** Whose passphrase may protect a stack, and whose lock is a killed run's. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lockFileOf, lockFolder, migratingProcess } from "../../../cli/migrate/lock-file.ts";
import { makePulumiCli, type PulumiCli } from "../../../cli/run-pulumi.ts";
import { ensureSecretsProtected, recoverStack } from "../../../cli/stack.ts";
import { UserError } from "../../../user-error.ts";

const existing = "config:\n  rabbitmq-ha:platform: existing\n";

function refusal(file: string | undefined, env: Readonly<Record<string, string>> = {}): string {
  try {
    ensureSecretsProtected(file === undefined ? "of-no-file" : "prod", env, file);
    return "";
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error.message;
  }
}

test("real machines need a passphrase or a secrets provider of the user's own; a lab needs none", () => {
  assert.match(refusal(existing), /^stack prod is not a lab, so its secrets need a passphrase of your own: /);
  for (const name of ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"])
    assert.equal(refusal(existing, { [name]: "x" }), "", name);
  for (const line of ["secretsprovider: awskms://key", '"secretsprovider" : awskms://key'])
    assert.equal(refusal(`${existing}${line}\n`), "", line);
  for (const line of ["# secretsprovider: awskms://key", "other: |\n  secretsprovider: x"])
    assert.match(refusal(`${existing}${line}\n`), /is not a lab/, line);
  assert.equal(refusal("config:\n  rabbitmq-ha:platform: lab\n"), "");
  assert.equal(refusal(""), "");
});

test("a stack without a file is not clearly a lab", () => {
  assert.equal(
    refusal(undefined),
    "stack of-no-file has no file Pulumi.of-no-file.yaml, so it may not be a lab; write the file first, or export " +
      "PULUMI_CONFIG_PASSPHRASE_FILE=THE-FILE-WITH-ITS-PASSPHRASE",
  );
  assert.equal(refusal(undefined, { PULUMI_CONFIG_PASSPHRASE: "x" }), "");
});

test("an unknown platform is refused as such, not by a word about passphrases", () => {
  assert.match(refusal("config:\n  rabbitmq-ha:platform: exsiting\n"), /: unknown platform; write lab/);
});

const backend = mkdtempSync(join(tmpdir(), "rabbitmq-ha-locks-"));
after(() => {
  rmSync(backend, { recursive: true });
});

test("a stack that is being migrated is not worked on beside it", async () => {
  const stack = "migrated-in-a-test";
  const migration = spawn(process.execPath, ["-e", "setInterval(() => undefined, 1000)", "migrate"]);
  mkdirSync(lockFolder, { recursive: true });
  try {
    writeFileSync(lockFileOf(stack), String(migration.pid));
    assert.equal(migratingProcess(stack), migration.pid);
    const pulumi = makePulumiCli("/nonexistent", { PULUMI_BACKEND_URL: `file://${backend}` });
    await assert.rejects(
      recoverStack(pulumi, stack, []),
      new RegExp(
        `${stack} is being migrated by process ${String(migration.pid)}; wait for it, or end it first`,
      ),
    );
    writeFileSync(lockFileOf(stack), String(process.pid));
    assert.equal(migratingProcess(stack), undefined);
  } finally {
    migration.kill();
    rmSync(lockFileOf(stack), { force: true });
  }
});

test("a lock of another computer stays, whatever process has its number here; a killed run's is removed", async () => {
  const asked: string[][] = [];
  const pulumi: PulumiCli = {
    env: { PULUMI_BACKEND_URL: `file://${backend}` },
    run: () => Promise.reject(new Error("not asked")),
    capture: () => Promise.reject(new Error("not asked")),
    captureOrThrow: (args) => {
      asked.push([...args]);
      return Promise.resolve("");
    },
  };
  const locks = join(backend, ".pulumi", "locks", "organization", "rabbitmq-ha", "prod");
  mkdirSync(locks, { recursive: true });
  const lock = (holder: string): void => {
    writeFileSync(join(locks, "one.json"), JSON.stringify({ pid: 2 ** 22 + 1, hostname: holder }));
  };
  lock("elsewhere");
  await assert.rejects(
    recoverStack(pulumi, "prod", []),
    new UserError(
      "stack prod is being worked on by process 4194305 on elsewhere; wait for it, or, if it runs no more: " +
        "npm run pulumi -- cancel --stack prod",
    ),
  );
  assert.deepEqual(asked, []);
  lock(hostname());
  writeFileSync(join(backend, ".pulumi", "meta.yaml"), "version: 1\n");
  assert.equal(await recoverStack(pulumi, "prod", []), undefined);
  assert.deepEqual(asked, [["cancel", "--yes", "--stack", "prod"]]);
});
