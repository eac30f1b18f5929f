/**
 * The stack's file as the Pulumi CLI gets it.
 *
 * The CLI keeps the salt of a stack's passphrase in the stack's file, and writes it there where it is missing. A file
 * under version control would then belong to whoever has that passphrase. So the file stays as it is, the salt comes
 * from the stack's state, which holds it too, and the CLI reads a copy that has both.
 */
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Pulumi } from "./pulumi.ts";

const root = dirname(import.meta.dirname);
/** Where the copies are; the whole folder is ignored by git. */
const copies = join(root, ".pulumi-state", "stack-files");

/** How a state says what guards its secrets, as far as it is read here. */
export interface SecretsProvider {
  readonly type?: string;
  readonly state?: { readonly salt?: string };
}

/** @param stack its name, in Pulumi Cloud with that of its organisation before it */
function nameOf(stack: string): string {
  return `Pulumi.${stack.split("/").at(-1) ?? stack}.yaml`;
}

/** @returns the text of the stack's file, which is empty where there is none */
export function textOf(stack: string): string {
  const file = join(root, nameOf(stack));
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

const salt = /^encryptionsalt:[ \t]*(\S+)[ \t]*$/m;

/** Whether the stack's file has a salt of its own. */
export function hasSalt(stack: string): boolean {
  return salt.test(textOf(stack));
}

/** Whether a file's text is tied to a key already: by secrets in it, or by the name of another guard of secrets. */
function isBound(text: string): boolean {
  return /^\s*(?:- )?secure:|[{,]\s*secure:/m.test(text) || /^(?:secretsprovider|encryptedkey):/m.test(text);
}

/**
 * @param provider what the stack's state says; undefined where it says nothing
 * @returns the file's text with the state's salt; undefined where the CLI can read the file as it is
 */
export function withSalt(text: string, provider: SecretsProvider | undefined): string | undefined {
  if (isBound(text) || (provider?.type ?? "passphrase") !== "passphrase") return undefined;
  const own = salt.exec(text)?.[1];
  const wanted = provider?.state?.salt;
  if (own !== undefined && (wanted === undefined || wanted === own)) return undefined;
  const rest = text.replace(salt, "").trimEnd();
  return `${rest}\n${wanted === undefined ? "" : `encryptionsalt: ${wanted}\n`}`;
}

/** Whether flags of an update name another file, or settings that the CLI is to write into the stack's file. */
function nameFile(flags: readonly string[]): boolean {
  return flags.some((flag) => /^(?:-c|--config(?:=|$)|--config-file)/.test(flag));
}

/**
 * @param flags of the update or preview, which may say where its configuration comes from
 * @returns what to add to them, so that the CLI changes nothing in the stack's file
 */
export async function fileFlags(
  stack: string,
  provider: SecretsProvider | undefined,
  flags: readonly string[],
): Promise<string[]> {
  const text = nameFile(flags) ? undefined : withSalt(textOf(stack), provider);
  if (text === undefined) return [];
  const path = join(copies, nameOf(stack));
  await mkdir(copies, { recursive: true });
  // In one step, since another command on this stack may be reading it.
  await writeFile(`${path}.${process.pid}`, text);
  await rename(`${path}.${process.pid}`, path);
  return ["--config-file", path];
}

/** Makes a stack, and leaves the salt of its passphrase in its state alone. */
export async function initStack(pulumi: Pulumi, stack: string): Promise<void> {
  const init = ["stack", "init", stack, "--no-select"];
  if (isBound(textOf(stack))) {
    await pulumi.must(init);
    return;
  }
  // `stack init` takes no other file than the one in its project's folder, so it gets such a folder.
  await mkdir(copies, { recursive: true });
  await rm(join(copies, nameOf(stack)), { force: true });
  await copyFile(join(root, "Pulumi.yaml"), join(copies, "Pulumi.yaml"));
  await pulumi.must([...init, "--cwd", copies]);
}
