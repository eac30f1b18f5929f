/**
 * A fresh clone, used with the plain Pulumi CLI, a passphrase and a backend of the user's own, and with the npm
 * scripts, which change no file of the clone.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { root } from "../support/dev-stack.ts";
import { OwnPulumi } from "../support/own-pulumi.ts";

/** The passphrase of the npm scripts' lab, and the salt that 0.1.0 had for it in Pulumi.dev.yaml. */
const lab = {
  passphrase: "rabbitmq-ha-lab",
  salt: "v1:IyhynU1PjZE=:v1:GhqA53rfIgbdGiqd:mQet57/3dxJNGdBewiaQjfiAzfLYFA==",
};

/** Files that a clone does not have. */
const unversioned = /^(?:\.git|node_modules|\.toolchain|\.pulumi-state|artefacts|Pulumi\.test-.*|.*\.log)$/;

/** Files that other tests write at the same time. */
const caches = /\/(?:__pycache__|\.(?:mypy|ruff)_cache)(?:\/|$)/;

let clone: string;
let own: OwnPulumi;
let stackFile: string;

before(async () => {
  clone = await mkdtemp(join(tmpdir(), "rabbitmq-ha-clone-"));
  stackFile = join(clone, "Pulumi.dev.yaml");
  await cp(root, clone, {
    recursive: true,
    filter: (path) => !caches.test(path) && (dirname(path) !== root || !unversioned.test(basename(path))),
  });
  // Local changes of the file in this checkout, such as a salt, are not in a clone.
  const committed = await execa("git", ["show", ":Pulumi.dev.yaml"], { cwd: root, reject: false });
  if (!committed.failed) await writeFile(stackFile, `${committed.stdout}\n`);
  await git("init", "--quiet");
  await git("add", "--all");
  await symlink(join(root, "node_modules"), join(clone, "node_modules"));
  await writeFile(join(clone, ".git", "info", "exclude"), "/node_modules\n");
  own = await OwnPulumi.open(clone);
});
after(async () => {
  await own.close();
  await rm(clone, { recursive: true, force: true });
});

async function git(...args: readonly string[]): Promise<string> {
  return (await execa("git", args, { cwd: clone })).stdout;
}

/** @returns what `git status` shows: changed files, and new files that are not ignored */
async function changed(): Promise<string> {
  return [await git("diff", "--name-only"), await git("ls-files", "--others", "--exclude-standard")]
    .join("\n")
    .trim();
}

/** Runs an npm script of the clone, without any PULUMI_ variable. */
async function script(args: readonly string[], backend?: string): Promise<void> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PULUMI_")));
  if (backend !== undefined) env["PULUMI_BACKEND_URL"] = backend;
  const { exitCode, all } = await execa(process.execPath, [join(clone, "cli", "main.ts"), ...args], {
    cwd: clone,
    env,
    extendEnv: false,
    stdin: "ignore",
    reject: false,
    all: true,
  });
  assert.equal(exitCode, 0, all);
}

test("the plain CLI creates and previews the stack, with the user's passphrase", async () => {
  await own.runOrThrow("stack", "init", "dev");
  assert.match(await own.runOrThrow("preview"), /\+ \d+ to create/);
  assert.equal(
    await changed(),
    "Pulumi.dev.yaml",
    "the CLI keeps its salt there, and nothing else has changed",
  );
});

test("up on a computer without podman prints in one line what to install, and makes nothing", async () => {
  const { code, output } = await own.run(["up", "--yes", "--skip-preview"], { PATH: own.searchPath });
  assert.notEqual(code, 0);
  const diagnostics = output.slice(output.indexOf("Diagnostics:"), output.indexOf("Resources:"));
  assert.match(
    diagnostics,
    /^.*\n.*\n +error: this computer lacks podman, .*, which the lab needs; run: sudo apt-get install podman .*\s*$/,
  );
  assert.doesNotMatch(output, /^\s+at .*:\d+:\d+/m);
  assert.doesNotMatch(await own.runOrThrow("stack", "export"), /"command:local:Command"/);
});

test("the npm scripts work with their own passphrase, whatever salt the plain CLI has left in the stack's file", async () => {
  const left = await readFile(stackFile, "utf8");
  assert.match(left, /^encryptionsalt: /m);
  await script(["preview"]);
  assert.equal(await readFile(stackFile, "utf8"), left);
});

test("the npm scripts change no file of the clone", async () => {
  await git("checkout", "--quiet", "Pulumi.dev.yaml");
  await script(["destroy"]);
  await script(["pulumi", "refresh", "--yes", "--stack", "dev"]);
  assert.equal(await changed(), "");
});

test("the npm scripts open a state of 0.1.0 with the salt in it", async () => {
  const backend = `file://${join(clone, ".pulumi-state", "old")}?create_dir=true`;
  const old = { PULUMI_BACKEND_URL: backend, PULUMI_CONFIG_PASSPHRASE: lab.passphrase };
  await writeFile(stackFile, `${await readFile(stackFile, "utf8")}encryptionsalt: ${lab.salt}\n`);
  assert.equal((await own.run(["stack", "init", "dev"], old)).code, 0);
  await git("checkout", "--quiet", "Pulumi.dev.yaml");
  await script(["destroy"], backend);
  const { stdout } = await own.run(["stack", "export", "--stack", "dev"], old);
  const { deployment } = JSON.parse(stdout) as {
    deployment: { secrets_providers: { state: { salt: string } } };
  };
  assert.equal(deployment.secrets_providers.state.salt, lab.salt);
  assert.equal(await changed(), "");
});
