/** The block `existing`: what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import ssh2 from "ssh2";
import { refuses, type Changes } from "./draft.ts";

const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-config-"));
after(() => rmSync(folder, { recursive: true }));

const keyFile = join(folder, "key");
writeFileSync(keyFile, ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 }).private);
const notes = join(folder, "notes");
writeFileSync(notes, "no key");

const existing = (changes: Changes = {}): Changes => ({
  platform: "existing",
  "existing.privateKeyFile": keyFile,
  ...changes,
});

test("refuses machines without a key to log in with", () => {
  refuses({ platform: "existing" }, [
    "existing.privateKeyFile: missing; write the path of the private key to log in with, or set the secret sshPrivateKey",
  ]);
});

test("refuses a key file that does not exist", () => {
  refuses(existing({ "existing.privateKeyFile": "~/no/such/key" }), [
    "existing.privateKeyFile = (not shown): no such file; write the path of the private key, such as ~/.ssh/id_ed25519",
  ]);
});

test("refuses a key file without a key", () => {
  refuses(existing({ "existing.privateKeyFile": notes }), [
    "existing.privateKeyFile = (not shown): not a private key; set the whole file, from its -----BEGIN line to its -----END line",
  ]);
});

test("refuses invalid host keys", () => {
  refuses(existing({ "existing.hostKeys": "192.168.56.120 ssh-ed25519 AAAA" }), [
    'existing.hostKeys = "192.168.56.120 ssh-ed25519 AAAA": has a line that is not a host key (192.168.56.120 ssh-ed25519); write what ssh-keyscan prints',
  ]);
});

test("refuses host keys under hashed names", () => {
  refuses(existing({ "existing.hostKeys": "|1|abc=|def= ssh-ed25519 AAAA" }), [
    'existing.hostKeys = "|1|abc=|def= ssh-ed25519 AAAA": has hashed names; write what ssh-keyscan prints without -H',
  ]);
});

test("refuses an invalid user, port and bastion", () => {
  refuses(
    existing({ "existing.user": "a b", "existing.port": 0, "existing.bastion": { host: "jump host" } }),
    [
      'existing.user = "a b": not a user\'s name; write the name of the user to log in as, such as root',
      "existing.port = 0: not a TCP port; write a whole number from 1 to 65535",
      'existing.bastion.host = "jump host": not a host; write its name or its IPv4 address',
    ],
  );
});

test("refuses the block `existing` on the platform lab", () => {
  refuses({ "existing.privateKeyFile": keyFile }, [
    "existing = {…}: not used on platform lab; write platform: existing, or remove the block",
  ]);
});

test("refuses a virtual address that is a host's address", () => {
  refuses(existing({ virtualAddress: "192.168.56.121" }), [
    'virtualAddress = "192.168.56.121": the address of cent121; write one that no host has',
  ]);
});
