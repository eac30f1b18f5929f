/** The clean-up of an existing machine: the program on it cleans up, and a machine without the program is reported. */
import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { render } from "../../../templates/render.ts";
import { runBash, makeScratchFolder, type ScriptResult } from "../../support/bash.ts";

const folder = await makeScratchFolder();
let number = 0;
let root: string;
beforeEach(async () => {
  number += 1;
  root = join(folder, String(number));
  await mkdir(root);
});

function cleanUp(purge = false): Promise<ScriptResult> {
  const values = { program: `${root}/rabbitmq-ha`, role: "broker", purge, stackId: "a1", host: "mq1" };
  const script = render("existing/clean-up.sh", values);
  return runBash(script.replace("/etc/systemd", `${root}/etc/systemd`));
}

test("an installed program cleans up, and its exit code is passed on", async () => {
  const program = join(root, "rabbitmq-ha");
  await writeFile(program, '#!/bin/sh\necho "$*"\nexit 3\n');
  await chmod(program, 0o755);
  const kept = await cleanUp();
  assert.deepEqual([kept.code, kept.stdout], [3, "clean-up --role broker --stack-id a1 --host mq1\n"]);
  const purged = await cleanUp(true);
  assert.equal(purged.stdout, "clean-up --role broker --purge --stack-id a1 --host mq1\n");
});

test("on a machine without the program and its files nothing is done", async () => {
  assert.deepEqual(await cleanUp(), { code: 0, stdout: "", stderr: "" });
});

test("files of an earlier release on a machine without the program are reported", async () => {
  const dropIn = join(root, "etc", "systemd", "system", "haproxy.service.d");
  await mkdir(dropIn, { recursive: true });
  await writeFile(join(dropIn, "rabbitmq-ha.conf"), "");
  const { code, stderr } = await cleanUp();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /rabbitmq-ha is missing, and \S+haproxy\.service\.d\/rabbitmq-ha\.conf is there: run npm run up/,
  );
});
