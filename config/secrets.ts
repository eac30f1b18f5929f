/** Checks secrets. The messages never contain the secret, not even a part of it. */
import { createPrivateKey } from "node:crypto";
import ssh2 from "ssh2";
import { z } from "zod";
import { lines } from "./values.ts";

const empty = "empty; set one with pulumi config set --secret, or remove the key";

function secret(fault: (value: string) => string | undefined): z.ZodOptional<z.ZodString> {
  return lines("not a text", "one", (value) => (value.trim() === "" ? empty : fault(value))).optional();
}

function passwordFault(password: string): string | undefined {
  if (/\p{Cc}/u.test(password)) return "has line breaks or other control characters; set one without";
  return password.trim() === password ? undefined : "starts or ends with a blank; set one without";
}

/** Letters and digits need no quotes anywhere (https://www.rabbitmq.com/docs/clustering#cookie-format). */
function cookieFault(cookie: string): string | undefined {
  return /^[A-Za-z0-9]{1,255}$/.test(cookie)
    ? undefined
    : "not an Erlang cookie; set 1 to 255 letters and digits";
}

/** @returns what is wrong with a private key; undefined if it can be used */
export function privateKeyFault(key: string): string | undefined {
  const pem = /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\s[\s\S]+\s-----END ([A-Z]+ )?PRIVATE KEY-----/;
  if (!pem.test(key))
    return "not a private key; set the whole file, from its -----BEGIN line to its -----END line";
  // The parser's own message would show part of the key.
  const parsed = ssh2.utils.parseKey(key);
  if (!(parsed instanceof Error)) return undefined;
  return key.includes("ENCRYPTED") || /passphrase/i.test(parsed.message)
    ? "has a passphrase, which cannot be entered here; set a key without one"
    : "not a key that can be read; make one with ssh-keygen -t ed25519 and set its whole file";
}

/** @returns what is wrong with a certificate's key, which may have any of the forms that OpenSSL writes */
function certificateKeyFault(key: string): string | undefined {
  if (key.includes("ENCRYPTED"))
    return "has a passphrase, which cannot be entered here; set a key without one";
  try {
    const kind = createPrivateKey(key).asymmetricKeyType ?? "";
    return ["rsa", "ec"].includes(kind)
      ? undefined
      : "neither of RSA nor of an elliptic curve; set such a key";
  } catch {
    return "not a private key that can be read; set the whole PEM file";
  }
}

/** HAProxy reads a password as one bare word of its configuration (its manual, 2.2 "Quoting and escaping"). */
function statsPasswordFault(password: string): string | undefined {
  if (/^[\x21-\x7e]+$/.test(password) && !/["'\\#$]/.test(password)) return undefined;
  return "has characters that HAProxy does not accept; set one of ASCII characters without spaces, quotes, \\, # and $";
}

export const secrets = {
  adminPassword: secret(passwordFault),
  erlangCookie: secret(cookieFault),
  sshPrivateKey: secret(privateKeyFault),
  statsPassword: secret(statsPasswordFault),
  tlsCaKey: secret(certificateKeyFault),
  tlsKey: secret(certificateKeyFault),
};

export const userPasswords = z
  .record(
    z.string(),
    lines("not a text", "a password", (value) => (value.trim() === "" ? empty : passwordFault(value))),
  )
  .default({});

/** The top-level mappings that are secret as a whole. */
export const secretBlocks: readonly string[] = ["userPasswords"];

export const secretKeys = Object.keys(secrets) as readonly (keyof typeof secrets)[];

/** The mapping of secrets inside a block, which the engine takes for secret as a whole then. */
export const secretMap = ["rabbitmq", "secretSettings"] as const;
