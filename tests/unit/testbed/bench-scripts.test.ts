/** The benchmark's shell scripts pass shellcheck. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";

const folder = join(import.meta.dirname, "..", "..", "..", "testbed", "bench", "script");

test("the SSH script and the files that it reads", async () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".sh"));
  assert.ok(files.length >= 4);
  const args = ["--norc", "--external-sources", "--format=gcc", ...files];
  const { stdout, stderr } = await execa("shellcheck", args, { cwd: folder, reject: false });
  assert.equal(`${stdout}${stderr}`, "");
});
