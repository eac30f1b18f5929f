/** What is read of a backend that is a folder, and what has to be asked for instead. */
import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { locksOf, stateOf } from "../../../cli/file-backend.ts";
import type { Pulumi } from "../../../cli/pulumi.ts";

const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-backend-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const at = (url: string): Pulumi => ({
  env: { PULUMI_BACKEND_URL: url },
  run: () => Promise.reject(new Error("not asked")),
  ask: () => Promise.reject(new Error("not asked")),
  must: () => Promise.reject(new Error("not asked")),
});
const here = at(`file://${folder}?create_dir=true`);

const pulumiFolder = join(folder, ".pulumi");

function keep(text: string): void {
  const stacks = join(folder, ".pulumi", "stacks", "p");
  mkdirSync(stacks, { recursive: true });
  writeFileSync(join(pulumiFolder, "meta.yaml"), "version: 1\n");
  writeFileSync(join(stacks, "dev.json"), text);
}

test("where nothing has been kept yet there is no stack", () => {
  assert.equal(stateOf(here, "p", "dev"), "none");
});

test("a state is read in the form of an export", () => {
  const latest = { secrets_providers: { type: "passphrase", state: { salt: "v1:x" } }, resources: [] };
  keep(JSON.stringify({ version: 3, checkpoint: { stack: "organization/p/dev", latest } }));
  assert.deepEqual(stateOf(here, "p", "dev"), { version: 3, deployment: latest });
  assert.equal(stateOf(here, "p", "prod"), "none");
  assert.equal(stateOf(here, "p", "organization/p/prod"), undefined);
  assert.equal(stateOf(at("https://api.pulumi.com"), "p", "dev"), undefined);
  assert.equal(stateOf(at("s3://states"), "p", "dev"), undefined);
});

test("a state that is cut off, of another version or of another form is asked for", () => {
  for (const text of [
    "",
    '{"version": 3, "checkpoint": {"latest": {"resou',
    '{"version": 4, "checkpoint": {"latest": {"resources": []}}}',
    '{"version": 3, "checkpoint": {"stack": "dev"}}',
    '{"version": 3}',
    "null",
  ]) {
    keep(text);
    assert.equal(stateOf(here, "p", "dev"), undefined, text);
  }
});

test("whether there is a stack is asked where states are kept in another way", () => {
  keep("null");
  const states = join(pulumiFolder, "stacks", "p");
  writeFileSync(join(states, "other.json.gz"), "");
  assert.equal(stateOf(here, "p", "other"), undefined);
  for (const meta of ["version: 0\n", "version: 2\n", ""]) {
    writeFileSync(join(pulumiFolder, "meta.yaml"), meta);
    assert.equal(stateOf(here, "p", "prod"), undefined, meta);
  }
  rmSync(join(pulumiFolder, "meta.yaml"));
  assert.equal(stateOf(here, "p", "prod"), undefined);
});

test("locks are found by stack, and there are none where the backend is no folder", () => {
  const locks = join(folder, ".pulumi", "locks", "organization", "p", "dev");
  mkdirSync(locks, { recursive: true });
  writeFileSync(join(locks, "one.json"), '{"pid": 7, "hostname": "here"}');
  assert.deepEqual(locksOf(here, "p", "dev"), [{ pid: 7, hostname: "here" }]);
  assert.deepEqual(locksOf(here, "p", "prod"), []);
  assert.deepEqual(locksOf(at("https://api.pulumi.com"), "p", "dev"), []);
});
