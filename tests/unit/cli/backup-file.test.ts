/** The form of a backup file: what goes in comes out, and nothing of it changes unnoticed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decryptBackup, encryptBackup, readLabel } from "../../../cli/backup/encrypted-file.ts";

const label = {
  stack: "dev",
  clusterName: "c1",
  made: "2026-11-27T09:30:12.345Z",
  rabbitmqVersion: "3.10.8",
  before: "destroy",
};
const secret = '{"users":[{"name":"app","password_hash":"c2VjcmV0"}]}';
const made = encryptBackup(secret, label, "right");
const read = async (file: Buffer, passphrase = "right") => decryptBackup(file, "f.backup", passphrase);

test("a backup is read with its passphrase alone, and says without it what it is of", async () => {
  const file = await made;
  const { label: found, text } = await read(file);
  assert.equal(text, secret);
  const { stack, clusterName, made: time, rabbitmqVersion, before } = found;
  assert.deepEqual({ stack, clusterName, made: time, rabbitmqVersion, before }, label);
  await assert.rejects(read(file, "wrong"), {
    message:
      "f.backup was written with another passphrase; it is that of stack dev as of 2026-11-27T09:30:12.345Z",
  });
  for (const part of ["app", "c2VjcmV0", Buffer.from(secret).toString("base64").slice(4, 20)])
    assert.equal(file.includes(part), false, part);
});

test("two backups of the same have no key, salt or text in common", async () => {
  const [one, other] = [await made, await encryptBackup(secret, label, "right")];
  const parts = (file: Buffer): string[] => {
    const { header, start } = readLabel(file, "f");
    return [header.kdf.salt, header.cipher.iv, header.keyCheck, file.subarray(start).toString("hex")];
  };
  const all = [...parts(one), ...parts(other)];
  assert.equal(new Set(all).size, all.length);
});

test("a file that is cut, or has something behind it, is refused in words, at every length", async () => {
  const file = await made;
  const { start } = readLabel(file, "f");
  for (const length of [start, start + 1, file.length - 17, file.length - 1])
    await assert.rejects(read(file.subarray(0, length)), /is cut or damaged: it has \d+ bytes, and had \d+;/);
  await assert.rejects(read(Buffer.concat([file, Buffer.from("x")])), /is cut or damaged/);
  await assert.rejects(read(file.subarray(0, start - 2)), /is damaged: its header cannot be read/);
  for (const length of [0, 5, 18])
    await assert.rejects(read(file.subarray(0, length)), /is no backup of this program/);
});

test("a changed text, tag or label is noticed", async () => {
  const file = await made;
  const { start } = readLabel(file, "f");
  for (const at of [start, file.length - 17, file.length - 1]) {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(read(changed), /is damaged: its text is not the one that was written/);
  }
  const relabelled = Buffer.from(file.toString("latin1").replace('"stack":"dev"', '"stack":"dex"'), "latin1");
  await assert.rejects(read(relabelled), /is damaged: its text/);
});

test("another form, another file and a header that asks for too much are named", async () => {
  const file = (await made).toString("latin1");
  const changed = (from: string | RegExp, to: string): Buffer =>
    Buffer.from(file.replace(from, to), "latin1");
  await assert.rejects(read(changed("backup 1", "backup 2")), /has the form 2 and this release reads form 1/);
  await assert.rejects(read(Buffer.from('{"users": []}')), /is no backup of this program/);
  await assert.rejects(read(changed('"N":131072', '"N":536870912')), /too much memory; it is damaged/);
  await assert.rejects(read(changed('"N":131072', '"N":131071')), /its header cannot be read/);
});
