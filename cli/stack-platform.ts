/** Which platform a stack is on, as its file says. It decides whether the lab's passphrase may protect its secrets. */
import { parse } from "yaml";
import {
  defaultPlatform,
  isPlatformKind,
  unknownPlatform,
  type PlatformKind,
} from "../hosts/platform-kinds.ts";
import { UserError } from "../user-error.ts";

/**
 * @param text the stack's file, YAML; empty if there is none
 * @returns the platform; the lab is the default, as in the configuration
 * @throws UserError if the file is not readable as a stack file, or names an unknown platform
 */
export function parsePlatform(text: string, fileName: string): PlatformKind {
  const config = parseStackConfig(text, fileName);
  // The CLI takes a key without a namespace as one of the project's own.
  const value = config["rabbitmq-ha:platform"] ?? config["platform"] ?? defaultPlatform;
  if (isPlatformKind(value)) return value;
  throw new UserError(`${fileName}: rabbitmq-ha:platform = ${JSON.stringify(value)}: ${unknownPlatform}`);
}

/** @returns the keys below `config`, with their namespaces @throws UserError if the file is not readable as a stack file */
export function parseStackConfig(text: string, fileName: string): Readonly<Record<string, unknown>> {
  return asMapping(parseStackFile(text, fileName)["config"], fileName);
}

/** @returns whether the stack's file names a secrets provider of the user's own */
export function namesSecretsProvider(text: string, fileName: string): boolean {
  return typeof parseStackFile(text, fileName)["secretsprovider"] === "string";
}

function parseStackFile(text: string, fileName: string): Readonly<Record<string, unknown>> {
  return asMapping(parseYaml(text, fileName), fileName);
}

function parseYaml(text: string, fileName: string): unknown {
  try {
    // The CLI merges what `<<` names.
    return parse(text, { merge: true });
  } catch (error) {
    throw new UserError(`${fileName} is not valid YAML: ${error instanceof Error ? error.message : ""}`);
  }
}

function asMapping(value: unknown, fileName: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UserError(`${fileName} is not a stack file: it holds no mapping of keys, or none below config`);
}
