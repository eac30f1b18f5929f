/**
 * The form of a backup file. Line 1 names the form and its version; line 2 is a header in JSON, in clear text; the rest is
 * the encrypted text and its tag. Nothing of it can be changed unnoticed: the two lines are authenticated too.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { parseJson } from "../../json.ts";
import { UserError } from "../../user-error.ts";

const magic = "rabbitmq-ha-backup";
const version = 1;
const cipherName = "aes-256-gcm";
const keyBytes = 32;
const tagBytes = 16;

/** What scrypt takes: 128 MiB, and half a second. A file names its own; more memory than this is refused. */
const scryptCost = { N: 2 ** 17, r: 8, p: 1 } as const;
const maxMemory = 512 * 1024 * 1024;

const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);
const power = z
  .number()
  .int()
  .min(2)
  .refine((n) => Number.isInteger(Math.log2(n)));
const header = z.object({
  stack: z.string(),
  clusterName: z.string(),
  /** ISO 8601, in UTC. */
  made: z.iso.datetime(),
  rabbitmqVersion: z.string(),
  /** Before what the program made it; absent in one that somebody asked for. */
  before: z.string().optional(),
  kdf: z.object({
    name: z.literal("scrypt"),
    N: power,
    r: z.number().int(),
    p: z.number().int(),
    salt: base64,
  }),
  /** A hash of the half of the derived key that encrypts nothing: tells another passphrase from a damaged text. */
  keyCheck: base64,
  cipher: z.object({ name: z.literal(cipherName), iv: base64 }),
  /** Bytes of the encrypted text, without its tag. */
  bytes: z.number().int().min(0),
});
type Header = Readonly<z.infer<typeof header>>;

/** What a backup says of itself to everybody who has the file. */
export type BackupLabel = Pick<Header, "stack" | "clusterName" | "made" | "rabbitmqVersion" | "before">;

/** @returns the file */
export async function encryptBackup(text: string, label: BackupLabel, passphrase: string): Promise<Buffer> {
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const { key, check } = await deriveKey(passphrase, { ...scryptCost, salt });
  const clear = Buffer.from(text, "utf8");
  const whole: Header = {
    ...label,
    kdf: { name: "scrypt", ...scryptCost, salt: salt.toString("base64") },
    keyCheck: check.toString("base64"),
    cipher: { name: cipherName, iv: iv.toString("base64") },
    bytes: clear.length,
  };
  const lines = Buffer.from(`${magic} ${version}\n${JSON.stringify(whole)}\n`);
  const cipher = createCipheriv(cipherName, key, iv, { authTagLength: tagBytes }).setAAD(lines);
  return Buffer.concat([lines, cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
}

/** @returns what the file says of itself, unproven, and where its encrypted text begins @throws UserError */
export function readLabel(file: Buffer, name: string): { readonly header: Header; readonly start: number } {
  const [first, second] = [file.indexOf("\n"), file.indexOf("\n", file.indexOf("\n") + 1)];
  const title = file.toString("utf8", 0, Math.min(Math.max(first, 0), 100));
  if (!title.startsWith(`${magic} `)) throw new UserError(`${name} is no backup of this program`);
  if (title !== `${magic} ${version}`)
    throw new UserError(
      `${name} has the form ${title.slice(magic.length + 1)} and this release reads form ${version}; take the release that made it`,
    );
  const found = header.safeParse(parseJson(file.toString("utf8", first + 1, second)));
  if (!found.success)
    throw new UserError(`${name} is damaged: its header cannot be read; take another backup`);
  return { header: found.data, start: second + 1 };
}

/** @throws UserError if the file is cut or damaged, or written with another passphrase */
export async function decryptBackup(
  file: Buffer,
  name: string,
  passphrase: string,
): Promise<{ readonly label: BackupLabel; readonly text: string }> {
  const { header: label, start } = readLabel(file, name);
  const wanted = start + label.bytes + tagBytes;
  if (file.length !== wanted)
    throw new UserError(
      `${name} is cut or damaged: it has ${file.length} bytes, and had ${wanted}; take another backup`,
    );
  const salt = Buffer.from(label.kdf.salt, "base64");
  const { key, check } = await deriveKey(passphrase, { ...label.kdf, salt });
  const expected = Buffer.from(label.keyCheck, "base64");
  if (expected.length !== check.length || !timingSafeEqual(expected, check))
    throw new UserError(
      `${name} was written with another passphrase; it is that of stack ${label.stack} as of ${label.made}`,
    );
  try {
    const iv = Buffer.from(label.cipher.iv, "base64");
    const decipher = createDecipheriv(cipherName, key, iv, { authTagLength: tagBytes });
    decipher.setAAD(file.subarray(0, start)).setAuthTag(file.subarray(-tagBytes));
    const clear = Buffer.concat([decipher.update(file.subarray(start, -tagBytes)), decipher.final()]);
    return { label, text: clear.toString("utf8") };
  } catch {
    throw new UserError(`${name} is damaged: its text is not the one that was written; take another backup`);
  }
}

async function deriveKey(
  passphrase: string,
  { N, r, p, salt }: { readonly N: number; readonly r: number; readonly p: number; readonly salt: Buffer },
): Promise<{ key: Buffer; check: Buffer }> {
  if (128 * N * r * p > maxMemory)
    throw new UserError("the backup's header asks for too much memory; it is damaged");
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  const bytes = await derive(passphrase.normalize("NFC"), salt, 2 * keyBytes, {
    N,
    r,
    p,
    maxmem: 2 * maxMemory,
  });
  const check = createHash("sha256").update(bytes.subarray(keyBytes)).digest();
  return { key: bytes.subarray(0, keyBytes), check };
}
