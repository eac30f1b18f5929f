/** Which text of a stack's file the CLI gets from the npm scripts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withSalt } from "../../../cli/stack-file.ts";

const file = "config:\n  rabbitmq-ha:platform: lab\n";
const state = { type: "passphrase", state: { salt: "v1:of-the-state" } };

test("a file without a salt gets the state's, as its last line", () => {
  assert.equal(withSalt(file, state), `${file}encryptionsalt: v1:of-the-state\n`);
  assert.equal(withSalt(file.trimEnd(), state), `${file}encryptionsalt: v1:of-the-state\n`);
});

test("the state's salt takes the place of another one, which nothing is encrypted with", () => {
  const other = `encryptionsalt: v1:of-another-passphrase\n${file}`;
  assert.equal(withSalt(other, state), `\n${file}encryptionsalt: v1:of-the-state\n`);
});

test("a file is left as it is where its salt is the state's, or the state has none", () => {
  const same = `${file}encryptionsalt: v1:of-the-state\n`;
  assert.equal(withSalt(same, state), undefined);
  assert.equal(withSalt(same, undefined), undefined);
});

test("a file without a salt, of a state without one, is a copy that the CLI writes a new one into", () => {
  assert.equal(withSalt(file, undefined), file);
});

test("a file with secrets in it is left as it is: they can be read with its own salt alone", () => {
  const secrets = `${file}  rabbitmq-ha:adminPassword:\n    secure: v1:abc\nencryptionsalt: v1:own\n`;
  assert.equal(withSalt(secrets, state), undefined);
  assert.equal(withSalt(`${file}  rabbitmq-ha:adminPassword: { secure: v1:abc }\n`, state), undefined);
});

test("a file that names another guard of its secrets is left as it is, and so is a state that has one", () => {
  assert.equal(withSalt(`secretsprovider: awskms://key\n${file}`, state), undefined);
  assert.equal(withSalt(file, { type: "service" }), undefined);
  assert.equal(withSalt(file, { type: "cloud" }), undefined);
});
