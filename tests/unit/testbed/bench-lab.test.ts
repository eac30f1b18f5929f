/** What the benchmark puts on the hosts of the SSH script and of the playbook. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { copyProgram } from "../../../testbed/bench/own-files.ts";

test("the program on the hosts has all its files and runs", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-unit-"));
  t.after(() => rm(folder, { recursive: true }));
  await copyProgram(folder);
  const imports = "import agent.main, agent.steps.may_start, agent.steps.watch";
  const { stderr } = await execa("python3", ["-B", "-c", imports], { cwd: folder, reject: false });
  assert.equal(stderr, "");
});
