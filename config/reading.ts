/** From the engine's texts to values: which keys there are, what each holds, and what is wrong with it. */
import { listed, namespace, type Fault, type Path } from "./faults.ts";
import { faultsOf, valueAt } from "./issues.ts";
import { blockKeys, keys, schema, type Parsed } from "./schema.ts";
import { secretKeys } from "./secrets.ts";

export interface Reading {
  /** Everything with its defaults; absent as soon as one value has a fault of its own. */
  readonly parsed?: Parsed;
  readonly faults: readonly Fault[];
  /** Whether the value at a path has a fault, or what it stands in has. */
  faulty(path: Path): boolean;
  /**
   * Looks up one value for a rule that concerns several, so that the rule can speak even when others are wrong.
   *
   * @returns the value, or its default; undefined if it is faulty or there is none
   */
  sound(path: Path): unknown;
}

/**
 * @param raw all configuration, keys with their namespace
 * @param encrypted the keys that the engine holds as secrets
 */
export function read(raw: Readonly<Record<string, string>>, encrypted: ReadonlySet<string>): Reading {
  const input: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [name, text] of Object.entries(raw)) {
    if (!name.startsWith(`${namespace}:`)) continue;
    const key = name.slice(namespace.length + 1);
    if (encrypted.has(name) && isKnown(key) && !isSecretKey(key)) faults.push(misplacedSecret(key));
    else if (!isNothing(key, text)) input[key] = isBlock(key, text) ? fromJson(text) : text;
  }
  const isSecret = ({ path: [key] }: Fault): boolean =>
    isSecretKey(String(key)) || encrypted.has(`${namespace}:${String(key)}`);
  const misplaced = new Set(faults.map(({ path }) => path[0]));
  const result = schema.safeParse(input);
  const found = result.success ? [] : faultsOf(result.error.issues, schema, input);
  faults.push(
    ...found
      .filter(({ path }) => !misplaced.has(path[0]))
      .map((fault) => (isSecret(fault) ? withoutValue(fault) : fault)),
  );
  const faulty = (path: Path): boolean => faults.some((fault) => isWithin(path, fault.path));
  return {
    ...(result.success && faults.length === 0 ? { parsed: result.data } : {}),
    faults,
    faulty,
    sound: (path) => (faulty(path) ? undefined : (valueAt(input, path) ?? valueAt(defaults, path))),
  };
}

/** @returns the keys that a mapping has; none where it is none, or a faulty one */
export function keysOf(reading: Reading, path: Path): string[] {
  const value = reading.sound(path);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

/** @returns the paths of a list's items; none where it is no list, or a faulty one */
export function itemsOf(reading: Reading, path: Path): Path[] {
  const value = reading.sound(path);
  return Array.isArray(value) ? value.map((_, index) => [...path, index]) : [];
}

/** @returns a text, where there is a sound one at a path */
export function textAt(reading: Reading, path: Path): string | undefined {
  const value = reading.sound(path);
  return typeof value === "string" ? value : undefined;
}

const defaults: unknown = schema.parse({ brokers: [], balancers: [], virtualAddress: "192.168.56.100" });

function isKnown(key: string): boolean {
  return keys.some((known) => known === key);
}

function isSecretKey(key: string): boolean {
  return secretKeys.some((name) => name === key);
}

/**
 * Pulumi.yaml cannot declare a key without a default, or the engine asks for it first, in its own words and one
 * complaint at a time. So what every stack has to say itself is declared there with an empty value, which stands
 * for none; and so does a block of which only the key is left.
 */
function isNothing(key: string, text: string): boolean {
  if (key === "virtualAddress") return text === "";
  if (!blockKeys.has(key)) return false;
  const listed = key === "brokers" || key === "balancers";
  return ["", "null"].includes(text.trim()) || (listed && /^\s*\[\s*\]\s*$/.test(text));
}

/** Of an unknown key only the look of its text can tell. */
function isBlock(key: string, text: string): boolean {
  return blockKeys.has(key) || (!isKnown(key) && /^[[{]/.test(text));
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A secret inside a block, or in place of a plain value, would come out in the clear further on. */
function misplacedSecret(key: string): Fault {
  const words = `holds a secret, which would come out in the clear; write it without, since only ${listed(secretKeys)} can be secret`;
  return { path: [key], words };
}

function withoutValue({ path, words }: Fault): Fault {
  return { path, words };
}

function isWithin(path: Path, outer: Path): boolean {
  return outer.length <= path.length && outer.every((part, index) => part === path[index]);
}
