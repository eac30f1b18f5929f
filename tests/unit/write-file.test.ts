/** What writes a file on a host: whole or not at all, and only if it is not there already. */
import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readFile, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

const folder = await scratch();
const owner = `${String(process.getuid?.())}:${String(process.getgid?.())}`;

interface Values {
  readonly path: string;
  readonly owner: string;
  readonly mode: string;
  readonly check: string;
}

let path: string;
let number = 0;
beforeEach(() => {
  number += 1;
  path = join(folder, String(number), "some conf", "it's.conf");
});

function write(content: string, values: Partial<Values> = {}): Promise<Outcome> {
  return bash(render("remote/write-file.sh", { path, owner, mode: "0644", check: "", ...values }), content);
}

const done: Outcome = { code: 0, stdout: "", stderr: "" };

test("writes the content to the byte, with the mode, into a folder that it makes", async () => {
  const content = "no newline at the end, \\ and $(id)\n\n'";
  assert.deepEqual(await write(content, { mode: "0400" }), done);
  assert.equal(await readFile(path, "utf8"), content);
  assert.equal((await stat(path)).mode & 0o7777, 0o400);
  assert.deepEqual(await readdir(join(path, "..")), ["it's.conf"]);
});

test("replaces a file at once, so that no reader sees half of it", async () => {
  await write("old");
  const { ino } = await stat(path);
  assert.deepEqual(await write("new"), done);
  assert.equal(await readFile(path, "utf8"), "new");
  assert.notEqual((await stat(path)).ino, ino);
});

test("leaves a file that is as it should be untouched, and the folder too", async () => {
  await write("content");
  const [file, parent] = [await stat(path), await stat(join(path, ".."))];
  assert.deepEqual(await write("content"), done);
  const again = await stat(path);
  assert.deepEqual([again.ino, again.mtimeMs, again.ctimeMs], [file.ino, file.mtimeMs, file.ctimeMs]);
  assert.deepEqual(await readdir(join(path, "..")), ["it's.conf"]);
  assert.equal((await stat(join(path, ".."))).ino, parent.ino);
});

test("mends a mode that somebody changed", async () => {
  await write("content", { mode: "0600" });
  await chmod(path, 0o666);
  assert.deepEqual(await write("content", { mode: "0600" }), done);
  assert.equal((await stat(path)).mode & 0o7777, 0o600);
});

test(
  "mends an owner that somebody changed",
  { skip: process.getuid?.() !== 0 && "only root can" },
  async () => {
    await write("content", { owner: "65534:65534" });
    assert.deepEqual([(await stat(path)).uid, (await stat(path)).gid], [65534, 65534]);
    assert.deepEqual(await write("content", { owner: "0:0" }), done);
    assert.deepEqual([(await stat(path)).uid, (await stat(path)).gid], [0, 0]);
  },
);

test("keeps the old file when the check refuses the new one, and says why", async () => {
  await write("old");
  const { ino, mtimeMs } = await stat(path);
  const check = 'grep -q good "$candidate" || { echo "line 1: bad"; false; }';
  const { code, stderr } = await write("evil", { check });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /the new \S+ conf\/it's\.conf was refused, so the old one stays as it is:\nline 1: bad\n$/,
  );
  assert.equal(await readFile(path, "utf8"), "old");
  assert.deepEqual([(await stat(path)).ino, (await stat(path)).mtimeMs], [ino, mtimeMs]);
  assert.deepEqual(await readdir(join(path, "..")), ["it's.conf"]);
});

test("takes what the check finds good, and does not ask it about a file that is there already", async () => {
  const check = 'echo asked >>"$candidate.asked"; grep -q good "$candidate"';
  assert.deepEqual(await write("good", { check }), done);
  assert.deepEqual(await write("good", { check: "false" }), done);
  assert.equal(await readFile(path, "utf8"), "good");
});

test("leaves nothing behind when it cannot write", async () => {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "in the way"), "");
  const { code } = await write("content", { owner: "no-such-user" });
  assert.equal(code, 1);
  assert.deepEqual(await readdir(join(path, "..")), ["it's.conf"]);
  assert.deepEqual(await readdir(path), ["in the way"]);
});

test("the check sees the file with its mode already, so that a secret is open to nobody at any time", async () => {
  const seen = 'stat -c %a "$candidate" >"$(dirname "$candidate")/mode"';
  await write("secret", { mode: "0400", check: seen });
  assert.equal(await readFile(join(path, "..", "mode"), "utf8"), "400\n");
});

test("a link is replaced by the file, and what it pointed to stays", async () => {
  const target = join(folder, "target");
  await writeFile(target, "theirs");
  await mkdir(join(path, ".."), { recursive: true });
  await symlink(target, path);
  assert.deepEqual(await write("ours"), done);
  assert.equal((await lstat(path)).isSymbolicLink(), false);
  assert.equal(await readFile(target, "utf8"), "theirs");
});
