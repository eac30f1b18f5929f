/** The text of a stack's file that the npm scripts give to the CLI. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addSalt } from "../../../cli/stack-file.ts";

const file = "config:\n  rabbitmq-ha:platform: lab\n";
const state = { type: "passphrase", state: { salt: "v1:of-the-state" } };

test("a file without a salt gets the state's, as its last line", () => {
  assert.equal(addSalt(file, state), `${file}encryptionsalt: v1:of-the-state\n`);
  assert.equal(addSalt(file.trimEnd(), state), `${file}encryptionsalt: v1:of-the-state\n`);
});

test("the state's salt replaces another one that nothing is encrypted with", () => {
  const other = `encryptionsalt: v1:of-another-passphrase\n${file}`;
  assert.equal(addSalt(other, state), `\n${file}encryptionsalt: v1:of-the-state\n`);
});

test("a file stays as it is if it has the state's salt, or the state has none", () => {
  const same = `${file}encryptionsalt: v1:of-the-state\n`;
  assert.equal(addSalt(same, state), undefined);
  assert.equal(addSalt(same, undefined), undefined);
});

test("a file without a salt, with a state without one, is copied as it is; the CLI adds a new salt to the copy", () => {
  assert.equal(addSalt(file, undefined), file);
});

test("a file with secrets stays as it is: they can only be read with its own salt", () => {
  const secrets = `${file}  rabbitmq-ha:adminPassword:\n    secure: v1:abc\nencryptionsalt: v1:own\n`;
  assert.equal(addSalt(secrets, state), undefined);
  assert.equal(addSalt(`${file}  rabbitmq-ha:adminPassword: { secure: v1:abc }\n`, state), undefined);
});

test("a file stays as it is if it or the state names another secrets provider", () => {
  assert.equal(addSalt(`secretsprovider: awskms://key\n${file}`, state), undefined);
  assert.equal(addSalt(file, { type: "service" }), undefined);
  assert.equal(addSalt(file, { type: "cloud" }), undefined);
});
