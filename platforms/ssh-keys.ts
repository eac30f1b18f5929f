/** Makes SSH host keys and log-in keys, and names them. */
import { createHash } from "node:crypto";
import ssh2 from "ssh2";

/** @returns a private key that ssh2 can read; it drops a leading zero in one of 256 of its keys (mscdex/ssh2#1513) */
export function makePrivateKey(comment: string): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519", { comment });
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

/** @returns the public key of a private key, as a line of authorized_keys */
export function derivePublicKey(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  // Cannot happen: the configuration's rules have read the user's key, and makePrivateKey has checked its own.
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")}`;
}

/** @returns the fingerprint of a line of authorized_keys or a key's bytes, in the form of `ssh-keygen -l` */
export function fingerprint(key: string | Buffer): string {
  const bytes = typeof key === "string" ? Buffer.from(key.trim().split(/\s+/)[1] ?? "", "base64") : key;
  return `SHA256:${createHash("sha256").update(bytes).digest("base64").replace(/=+$/, "")}`;
}
