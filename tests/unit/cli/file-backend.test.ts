/** What is read from a backend that is a folder, and what the CLI has to be asked for. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isHolderRunning, readLocks, readState, removeEmptyMetadata } from "../../../cli/file-backend.ts";
import type { PulumiCli } from "../../../cli/run-pulumi.ts";

const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-backend-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const at = (url: string): PulumiCli => ({
  env: { PULUMI_BACKEND_URL: url },
  run: () => Promise.reject(new Error("not asked")),
  capture: () => Promise.reject(new Error("not asked")),
  captureOrThrow: () => Promise.reject(new Error("not asked")),
});
const here = at(`file://${folder}?create_dir=true`);

const pulumiFolder = join(folder, ".pulumi");

function storeState(text: string): void {
  const stacks = join(folder, ".pulumi", "stacks", "p");
  mkdirSync(stacks, { recursive: true });
  writeFileSync(join(pulumiFolder, "meta.yaml"), "version: 1\n");
  writeFileSync(join(stacks, "dev.json"), text);
}

test("an empty backend has no stack", () => {
  assert.equal(readState(here, "p", "dev"), "none");
});

test("a state is read in the form of an export", () => {
  const latest = { secrets_providers: { type: "passphrase", state: { salt: "v1:x" } }, resources: [] };
  storeState(JSON.stringify({ version: 3, checkpoint: { stack: "organization/p/dev", latest } }));
  assert.deepEqual(readState(here, "p", "dev"), { version: 3, deployment: latest });
  assert.equal(readState(here, "p", "prod"), "none");
  assert.equal(readState(here, "p", "organization/p/prod"), undefined);
  assert.equal(readState(at("https://api.pulumi.com"), "p", "dev"), undefined);
  assert.equal(readState(at("s3://states"), "p", "dev"), undefined);
});

test("a state that is truncated, of another version or of another form is left to the CLI", () => {
  for (const text of [
    "",
    '{"version": 3, "checkpoint": {"latest": {"resou',
    '{"version": 4, "checkpoint": {"latest": {"resources": []}}}',
    '{"version": 3, "checkpoint": {"stack": "dev"}}',
    '{"version": 3}',
    "null",
  ]) {
    storeState(text);
    assert.equal(readState(here, "p", "dev"), undefined, text);
  }
});

test("whether a stack exists is left to the CLI if the backend stores states in another form", () => {
  storeState("null");
  const states = join(pulumiFolder, "stacks", "p");
  writeFileSync(join(states, "other.json.gz"), "");
  assert.equal(readState(here, "p", "other"), undefined);
  for (const meta of ["version: 0\n", "version: 2\n", ""]) {
    writeFileSync(join(pulumiFolder, "meta.yaml"), meta);
    assert.equal(readState(here, "p", "prod"), undefined, meta);
  }
  rmSync(join(pulumiFolder, "meta.yaml"));
  assert.equal(readState(here, "p", "prod"), undefined);
});

test("locks are read by stack; a backend that is not a folder has none", () => {
  const locks = join(folder, ".pulumi", "locks", "organization", "p", "dev");
  mkdirSync(locks, { recursive: true });
  writeFileSync(join(locks, "one.json"), '{"pid": 7, "hostname": "here"}');
  writeFileSync(join(locks, "one.json.attrs"), '{"user.content_type": "text/plain"}');
  assert.deepEqual(readLocks(here, "p", "dev"), [{ pid: 7, hostname: "here" }]);
  assert.deepEqual(readLocks(here, "p", "prod"), []);
  assert.deepEqual(readLocks(at("https://api.pulumi.com"), "p", "dev"), []);
});

test("metadata that a killed CLI has left empty is removed, and nothing else", () => {
  const states = join(pulumiFolder, "stacks", "p");
  const files = ["dev.json", "dev.json.attrs", "dev.json.bak.attrs", "prod.json.attrs"];
  for (const name of files) writeFileSync(join(states, name), "");
  writeFileSync(join(states, "dev.json.bak.attrs"), "{}");
  removeEmptyMetadata(here, "p", "dev");
  assert.deepEqual(
    files.filter((name) => existsSync(join(states, name))),
    ["dev.json", "dev.json.bak.attrs", "prod.json.attrs"],
  );
  removeEmptyMetadata(here, "none", "dev");
  removeEmptyMetadata(at("https://api.pulumi.com"), "p", "dev");
});

test("a lock's process is judged only on the computer that it runs on, where it has to be a Pulumi", async () => {
  const named = spawn("sleep", ["60"], { argv0: "pulumi" });
  await once(named, "spawn");
  try {
    assert.equal(isHolderRunning({ pid: named.pid ?? 0, hostname: hostname() }), true);
    assert.equal(isHolderRunning({ pid: process.pid, hostname: hostname() }), false, "another program");
  } finally {
    named.kill();
  }
  const gone = 2 ** 22 + 1;
  assert.equal(isHolderRunning({ pid: gone, hostname: hostname() }), false);
  assert.equal(isHolderRunning({ pid: gone, hostname: `not-${hostname()}` }), true);
});
