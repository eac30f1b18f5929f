/**
 * The copy of the stack's file that the Pulumi CLI reads.
 *
 * The CLI keeps the salt of a stack's passphrase in the stack's file, and writes it there if it is missing. A file
 * under version control would then only work with that passphrase. So the file stays unchanged: the salt is taken
 * from the stack's state, which holds it too, and the CLI reads a copy of the file with that salt.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PulumiCli } from "./run-pulumi.ts";

const root = dirname(import.meta.dirname);
/** The folder of the copies; git ignores it. */
export const copies = join(root, ".pulumi-state", "stack-files");

/** The part of a state's `secrets_providers` that is read here. */
export interface SecretsProvider {
  readonly type?: string;
  readonly state?: { readonly salt?: string };
}

/** @param stack `organization/project/stack`, or a part of it from the right */
export function shortStackName(stack: string): string {
  return stack.split("/").at(-1) ?? stack;
}

/** @param stack the stack's name; in Pulumi Cloud it begins with the organisation's name */
export function stackFileName(stack: string): string {
  return `Pulumi.${shortStackName(stack)}.yaml`;
}

function stackFilePath(stack: string): string {
  return join(root, stackFileName(stack));
}

/** @returns the text of the stack's file; empty if there is no file */
export function readStackFile(stack: string): string {
  return findStackFile(stack) ?? "";
}

/** @returns the text of the stack's file; undefined if there is no file */
export function findStackFile(stack: string): string | undefined {
  const file = stackFilePath(stack);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** Writes the stack's file unless it has this text. A killed run leaves the one text or the other. */
export function writeStackFile(stack: string, text: string): void {
  if (readStackFile(stack) === text) return;
  const path = stackFilePath(stack);
  writeFileSync(`${path}.new`, text, { flush: true });
  renameSync(`${path}.new`, path);
}

const saltPattern = /^encryptionsalt:[ \t]*(\S+)[ \t]*$/m;

/** Whether the stack's file has a salt. */
export function hasSalt(stack: string): boolean {
  return saltPattern.test(readStackFile(stack));
}

/** @returns the salt in a file; undefined if it has none */
export function saltOf(path: string): string | undefined {
  return saltPattern.exec(readFileSync(path, "utf8"))?.[1];
}

/** Whether a file's text is already bound to a key: it holds secrets, or names another secrets provider. */
function isBound(text: string): boolean {
  return /^\s*(?:- )?secure:|[{,]\s*secure:/m.test(text) || /^(?:secretsprovider|encryptedkey):/m.test(text);
}

/**
 * @param provider of the stack's state; undefined if the state names none
 * @returns the file's text with the state's salt; undefined if the CLI can read the file as it is
 */
export function addSalt(text: string, provider: SecretsProvider | undefined): string | undefined {
  if (isBound(text) || (provider?.type ?? "passphrase") !== "passphrase") return undefined;
  const current = saltPattern.exec(text)?.[1];
  const wanted = provider?.state?.salt;
  if (current !== undefined && (wanted === undefined || wanted === current)) return undefined;
  const rest = text.replace(saltPattern, "").trimEnd();
  return `${rest}\n${wanted === undefined ? "" : `encryptionsalt: ${wanted}\n`}`;
}

/** Whether flags of an update name another file, or settings that the CLI writes to the stack's file. */
function changeStackFile(flags: readonly string[]): boolean {
  return flags.some((flag) => /^(?:-c|--config(?:=|$)|--config-file)/.test(flag));
}

/**
 * @param flags of the update or preview; they may name another configuration file
 * @returns the flags to add, so that the CLI leaves the stack's file unchanged
 */
export async function stackFileFlags(
  stack: string,
  provider: SecretsProvider | undefined,
  flags: readonly string[],
): Promise<string[]> {
  const text = changeStackFile(flags) ? undefined : addSalt(readStackFile(stack), provider);
  if (text === undefined) return [];
  const path = join(copies, stackFileName(stack));
  await mkdir(copies, { recursive: true });
  // Renamed in one step, since another command on this stack may be reading the copy.
  await writeFile(`${path}.${process.pid}`, text);
  await rename(`${path}.${process.pid}`, path);
  return ["--config-file", path];
}

/** Creates a stack, and leaves the salt of its passphrase only in its state. */
export async function initStack(pulumi: PulumiCli, stack: string): Promise<void> {
  const init = ["stack", "init", stack, "--no-select"];
  if (isBound(readStackFile(stack))) {
    await pulumi.captureOrThrow(init);
    return;
  }
  // `stack init` only writes to the stack's file in the project's folder, so it runs in a folder of its own.
  await mkdir(copies, { recursive: true });
  await rm(join(copies, stackFileName(stack)), { force: true });
  await copyFile(join(root, "Pulumi.yaml"), join(copies, "Pulumi.yaml"));
  await pulumi.captureOrThrow([...init, "--cwd", copies]);
}
