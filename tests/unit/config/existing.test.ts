/** How machines that are simply there are reached: what is refused of it. */
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
    "existing.privateKeyFile: missing; write where the key to log in with lies, or set the secret sshPrivateKey",
  ]);
});

test("refuses a key's file that there is not", () => {
  refuses(existing({ "existing.privateKeyFile": "~/no/such/key" }), [
    "existing.privateKeyFile = (not shown): no such file; write where the private key lies, such as ~/.ssh/id_ed25519",
  ]);
});

test("refuses a key's file that holds none", () => {
  refuses(existing({ "existing.privateKeyFile": notes }), [
    "existing.privateKeyFile = (not shown): not a private key; set the whole file, from its -----BEGIN line to its -----END line",
  ]);
});

test("refuses host keys that are none", () => {
  refuses(existing({ "existing.hostKeys": "192.168.56.120 ssh-ed25519 AAAA" }), [
    'existing.hostKeys = "192.168.56.120 ssh-ed25519 AAAA": has a line that is no host key (192.168.56.120 ssh-ed25519); write what ssh-keyscan prints',
  ]);
});

test("refuses host keys under hashed names", () => {
  refuses(existing({ "existing.hostKeys": "|1|abc=|def= ssh-ed25519 AAAA" }), [
    'existing.hostKeys = "|1|abc=|def= ssh-ed25519 AAAA": has hashed names; write what ssh-keyscan prints without -H',
  ]);
});

test("refuses a user, a port and a bastion that are none", () => {
  refuses(
    existing({ "existing.user": "a b", "existing.port": 0, "existing.bastion": { host: "jump host" } }),
    [
      'existing.user = "a b": not a user\'s name; write the name of the user to log in as, such as root',
      "existing.port = 0: not a TCP port; write a whole number from 1 to 65535",
      'existing.bastion.host = "jump host": not a host; write its name or its IPv4 address',
    ],
  );
});

test("refuses the lab's block of another platform that was meant to be used", () => {
  refuses({ "existing.privateKeyFile": keyFile }, [
    "existing = {…}: of no use to platform lab; write platform: existing, or remove the block",
  ]);
});

test("refuses an address of a host's own", () => {
  refuses(existing({ virtualAddress: "192.168.56.121" }), [
    'virtualAddress = "192.168.56.121": the address of cent121; write one that no host has',
  ]);
});
