import ssh2 from "ssh2";

const { utils } = ssh2;

/** A key pair: the private key for a login, the public key to pin or to admit. */
export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

/**
 * A new ed25519 key. ssh2 1.17 makes one in 256 invalid: it removes a leading zero byte of the public key.
 */
export function newKey(passphrase?: string): KeyPair {
  for (;;) {
    const pair =
      passphrase === undefined
        ? utils.generateKeyPairSync("ed25519")
        : utils.generateKeyPairSync("ed25519", { passphrase, cipher: "aes256-ctr", rounds: 4 });
    if (!(utils.parseKey(pair.private, passphrase) instanceof Error)) {
      return pair;
    }
  }
}

export function newKeyOfType(type: "ed25519" | "ecdsa"): KeyPair {
  return type === "ecdsa" ? utils.generateKeyPairSync("ecdsa", { bits: 256 }) : newKey();
}
