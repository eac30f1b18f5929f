/** What the first script on a host is wrapped in: one at a time, with a deadline, and nothing else changed. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { render } from "../../../templates/render.ts";
import { bash, scratch } from "../../support/bash.ts";

const folder = await scratch();

/** @returns the text that runs a script on a host, with its locks in the test's own folder */
function wrapped(body: string, { deadline = 20, patience = 30 } = {}): string {
  return render("remote/run.sh", { body, deadline, patience, sudo: false }).replaceAll("/run/lock", folder);
}

/** Whether a process is gone within 5 s: on a busy machine one that was killed may live a moment longer. */
async function hasEnded(pid: string): Promise<boolean> {
  // Who has nobody to wait for it stays as a zombie.
  const lives = `grep -qs '^State:.[^Z]' /proc/${pid.trim()}/status`;
  const { code } = await bash(`for _ in $(seq 50); do ${lives} || exit 0; sleep 0.1; done; exit 1`);
  return code === 0;
}

test("passes standard input, both outputs and the exit code on", async () => {
  const script = wrapped("cat\necho talk >&2\nexit 7");
  assert.deepEqual(await bash(script, "in\0put\n"), { code: 7, stdout: "in\0put\n", stderr: "talk\n" });
});

test("the script ends at its first error, and at an unset name", async () => {
  assert.deepEqual(await bash(wrapped("false\necho on")), { code: 1, stdout: "", stderr: "" });
  const { code, stdout } = await bash(wrapped('echo "$no_such_name"\necho on'));
  assert.deepEqual([code, stdout], [1, ""]);
});

test("nothing in the script is read by the outer shell", async () => {
  const { stdout } = await bash(wrapped(`x='it'"'"'s'\necho "$x" '$(id)' "\\\\" \`echo tick\` #'`));
  assert.equal(stdout, "it's $(id) \\ tick\n");
});

test("a script that takes too long is stopped, and the message says which", async () => {
  const { code, stderr } = await bash(wrapped("sleep 30", { deadline: 1 }));
  assert.equal(code, 124);
  assert.match(stderr, /: ready was not done after 1 s and was stopped\n$/);
});

test("what the script has started goes with it", async () => {
  const file = join(folder, "child");
  await bash(wrapped(`sh -c 'echo $$ >${file}; exec sleep 30'`, { deadline: 1 }));
  assert.ok(await hasEnded(await readFile(file, "utf8")), "the child is still there");
});

test("what has left the script's process group goes with it, and keeps no output open", async () => {
  const file = join(folder, "stray");
  const started = Date.now();
  await bash(wrapped(`setsid sh -c 'echo $$ >${file}; exec sleep 30' &\nsleep 30`, { deadline: 1 }));
  assert.ok(Date.now() - started < 15_000, "the run waited for it");
  assert.ok(await hasEnded(await readFile(file, "utf8")), "it is still there");
});

test("two runs follow each other", async () => {
  const log = join(folder, "log");
  const body = (name: string): string => `echo ${name} in >>${log}\nsleep 0.5\necho ${name} out >>${log}`;
  await writeFile(log, "");
  await Promise.all(["a", "b"].map((name) => bash(wrapped(body(name)))));
  assert.match(await readFile(log, "utf8"), /^(\w) in\n\1 out\n(\w) in\n\2 out\n$/);
});

test("files that a script makes are readable for all, unless it says otherwise", async () => {
  const { stdout } = await bash(wrapped(`: >${folder}/plain\nstat -c %a ${folder}/plain`));
  assert.equal(stdout, "644\n");
});
