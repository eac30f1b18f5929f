/** The wrapper of the first scripts on a host: one run at a time, with a deadline, otherwise transparent. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { render } from "../../../templates/render.ts";
import { runBash, makeScratchFolder } from "../../support/bash.ts";

const folder = await makeScratchFolder();

/** @returns the wrapped script, with its locks in the test's own folder */
function wrapped(body: string, { deadline = 20, patience = 30 } = {}): string {
  const values = { name: "program", body, deadline, patience, sudo: false };
  return render("remote/run.sh", values).replaceAll("/run/lock", folder);
}

/** Whether a process is gone within 5 s: on a busy machine a killed process may live a moment longer. */
async function hasEnded(pid: string): Promise<boolean> {
  // A process for which no parent waits stays as a zombie.
  const lives = `grep -qs '^State:.[^Z]' /proc/${pid.trim()}/status`;
  const { code } = await runBash(`for _ in $(seq 50); do ${lives} || exit 0; sleep 0.1; done; exit 1`);
  return code === 0;
}

test("passes on standard input, both outputs and the exit code", async () => {
  const script = wrapped("cat\necho talk >&2\nexit 7");
  assert.deepEqual(await runBash(script, "in\0put\n"), { code: 7, stdout: "in\0put\n", stderr: "talk\n" });
});

test("the script ends at its first error, and at an unset variable", async () => {
  assert.deepEqual(await runBash(wrapped("false\necho on")), { code: 1, stdout: "", stderr: "" });
  const { code, stdout } = await runBash(wrapped('echo "$no_such_name"\necho on'));
  assert.deepEqual([code, stdout], [1, ""]);
});

test("the outer shell expands nothing in the script", async () => {
  const { stdout } = await runBash(wrapped(`x='it'"'"'s'\necho "$x" '$(id)' "\\\\" \`echo tick\` #'`));
  assert.equal(stdout, "it's $(id) \\ tick\n");
});

test("a script that exceeds its deadline is stopped, and the message names it", async () => {
  const { code, stderr } = await runBash(wrapped("sleep 30", { deadline: 1 }));
  assert.equal(code, 124);
  assert.match(stderr, /: program was not done after 1 s and was stopped\n$/);
});

test("processes that the script started are stopped with it", async () => {
  const file = join(folder, "child");
  await runBash(wrapped(`sh -c 'echo $$ >${file}; exec sleep 30'`, { deadline: 1 }));
  assert.ok(await hasEnded(await readFile(file, "utf8")), "the child is still there");
});

test("processes outside the script's process group are stopped too, and keep no output open", async () => {
  const file = join(folder, "stray");
  const started = Date.now();
  await runBash(wrapped(`setsid sh -c 'echo $$ >${file}; exec sleep 30' &\nsleep 30`, { deadline: 1 }));
  assert.ok(Date.now() - started < 15_000, "the run waited for it");
  assert.ok(await hasEnded(await readFile(file, "utf8")), "it is still there");
});

test("two runs do not overlap", async () => {
  const log = join(folder, "log");
  const body = (name: string): string => `echo ${name} in >>${log}\nsleep 0.5\necho ${name} out >>${log}`;
  await writeFile(log, "");
  await Promise.all(["a", "b"].map((name) => runBash(wrapped(body(name)))));
  assert.match(await readFile(log, "utf8"), /^(\w) in\n\1 out\n(\w) in\n\2 out\n$/);
});

test("files that a script creates are readable for all by default", async () => {
  const { stdout } = await runBash(wrapped(`: >${folder}/plain\nstat -c %a ${folder}/plain`));
  assert.equal(stdout, "644\n");
});
