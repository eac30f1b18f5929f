/** Turns the engine's texts into values, and finds the faults of each value by itself. */
import { joinNames, namespace, type Fault, type Path } from "./faults.ts";
import { faultsOf, valueAt } from "./issues.ts";
import { blockKeys, configKeys, schema, type SchemaOutput } from "./schema.ts";
import { secretBlocks, secretKeys, secretMap } from "./secrets.ts";

export interface ConfigReading {
  /** All values, with defaults; absent if one of them has a fault. */
  readonly parsed?: SchemaOutput;
  readonly faults: readonly Fault[];
  /** Whether the value at a path has a fault, or the block or list that contains it. */
  hasFault(path: Path): boolean;
  /**
   * Looks up one value for a rule on several values, so that the rule can be checked even if other values are wrong.
   *
   * @returns the value, or its default; undefined if it has a fault or there is none
   */
  validValue(path: Path): unknown;
  /** @returns the fault without its value, if that may be a secret */
  readonly withoutSecrets: (fault: Fault) => Fault;
}

/**
 * @param raw all configuration, keys with their namespace
 * @param encrypted the keys that the engine stores as secrets
 */
export function readValues(
  raw: Readonly<Record<string, string>>,
  encrypted: ReadonlySet<string>,
): ConfigReading {
  const input: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [name, text] of Object.entries(raw)) {
    if (!name.startsWith(`${namespace}:`)) continue;
    const key = name.slice(namespace.length + 1);
    const value = isJson(key, text) ? fromJson(text) : text;
    const holdsSecrets = key === secretMap[0] && keysIn(valueAt({ [key]: value }, secretMap)).length > 0;
    if (encrypted.has(name) && isKnown(key) && !isSecretKey(key) && !holdsSecrets)
      faults.push(misplacedSecret(key));
    else if (!isUnset(key, text)) input[key] = value;
    if (holdsSecrets && !encrypted.has(name)) faults.push(openSecrets(secretMap));
    if (secretBlocks.includes(key) && keysIn(value).length > 0 && !encrypted.has(name))
      faults.push(openSecrets([key]));
  }
  const isSecret = ({ path }: Fault): boolean =>
    isSecretKey(String(path[0])) ||
    encrypted.has(`${namespace}:${String(path[0])}`) ||
    isWithin(path, secretMap) ||
    isWithin(path, erlangTerms);
  const withoutSecrets = (fault: Fault): Fault => (isSecret(fault) ? withoutValue(fault) : fault);
  const misplaced = faults.map(({ path }) => path);
  const result = schema.safeParse(input);
  const found = result.success ? [] : faultsOf(result.error.issues, schema, input);
  faults.push(
    ...found.filter(({ path }) => !misplaced.some((outer) => isWithin(path, outer))).map(withoutSecrets),
  );
  const hasFault = (path: Path): boolean => faults.some((fault) => isWithin(path, fault.path));
  return {
    ...(result.success && faults.length === 0 ? { parsed: result.data } : {}),
    faults,
    hasFault,
    validValue: (path) => (hasFault(path) ? undefined : (valueAt(input, path) ?? valueAt(defaults, path))),
    withoutSecrets,
  };
}

/** @returns the keys of the mapping at a path; none if it is not a mapping, or has a fault */
export function keysOf(reading: ConfigReading, path: Path): string[] {
  return keysIn(reading.validValue(path));
}

function keysIn(value: unknown): string[] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

/** @returns the paths of the items of the list at a path; none if it is not a list, or has a fault */
export function itemsOf(reading: ConfigReading, path: Path): Path[] {
  const value = reading.validValue(path);
  return Array.isArray(value) ? value.map((_, index) => [...path, index]) : [];
}

/** @returns the text at a path; undefined if it is not a text, or has a fault */
export function textAt(reading: ConfigReading, path: Path): string | undefined {
  const value = reading.validValue(path);
  return typeof value === "string" ? value : undefined;
}

const defaults: unknown = schema.parse({ brokers: [], balancers: [], virtualAddress: "192.168.56.100" });

function isKnown(key: string): boolean {
  return configKeys.some((known) => known === key);
}

function isSecretKey(key: string): boolean {
  return secretKeys.some((name) => name === key) || secretBlocks.includes(key);
}

/**
 * Whether a key counts as not set. Pulumi.yaml declares every key with a default, since the engine itself would report
 * missing keys, one at a time. So the keys that every stack must set have an empty default there, which counts as not set;
 * so does a block of which only the key is left.
 */
function isUnset(key: string, text: string): boolean {
  if (key === "virtualAddress") return text === "";
  if (!blockKeys.has(key)) return false;
  const isList = key === "brokers" || key === "balancers";
  return ["", "null"].includes(text.trim()) || (isList && /^\s*\[\s*\]\s*$/.test(text));
}

/** Whether a value is JSON. For an unknown key this is guessed from its first character. */
function isJson(key: string, text: string): boolean {
  return blockKeys.has(key) || (!isKnown(key) && /^[[{]/.test(text));
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The engine encrypts a key as a whole, and the program would show the decrypted value of these keys. */
function misplacedSecret(key: string): Fault {
  const message = `encrypted, but would be shown in the clear; write it without --secret, since only ${joinNames([...secretKeys, ...secretBlocks, secretMap.join(".")])} can be secret`;
  return { path: [key], message };
}

/** They may hold a secret where none belongs. */
const erlangTerms = ["rabbitmq", "advanced"];

const openSecrets = (path: Path): Fault => ({
  path,
  message: "not encrypted; give each of its values by npm run -s pulumi -- config set --secret --path",
});

function withoutValue({ path, message }: Fault): Fault {
  return { path, message };
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.length <= path.length && outer.every((part, index) => part === path[index]);
}
