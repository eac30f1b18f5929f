/** SSH keys of the lab's hosts, and to log in to them. */
import ssh2 from "ssh2";

/** One in 256 of ssh2's keys begins with a zero that it loses, which leaves a key that nobody can read (mscdex/ssh2#1513). */
export function makeKey(comment: string): string {
  for (;;) {
    const { private: key } = ssh2.utils.generateKeyPairSync("ed25519", { comment });
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

/** @returns the public half of a private key, as a line of authorized_keys */
export function publicHalf(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  // A user's own key has been read before, and ours is checked when it is made.
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")}`;
}
