/** What is wrong with a configuration, and the one message that says so. */
import { closest, distance } from "fastest-levenshtein";

/** The namespace of the keys; fixed, like the type tokens, so that a renamed copy of the project reads the same. */
export const namespace = "rabbitmq-ha";

/** Where a value stands: keys and list positions, from the top-level key down. */
export type Path = readonly PropertyKey[];

export interface Fault {
  readonly path: Path;
  /** The value as the user wrote it; absent where there is none, or where it may be a secret. */
  readonly value?: unknown;
  /** What is wrong with the value, and what to write instead. */
  readonly words: string;
}

const simpleKey = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const longestValue = 80;

// Names under which people keep secrets. A secret in the wrong place, or under a misspelt name, is a fault too, and
// its value must not be printed only because of that.
const secretName = /pass|pwd|secret|cookie|token|credential|private-?_?key/i;
const secretNames = ["password", "adminpassword", "statspassword", "erlangcookie", "sshprivatekey"];

function mayBeSecret(key: PropertyKey): boolean {
  if (typeof key !== "string") return false;
  return (
    secretName.test(key) || secretNames.some((name) => distance(key.toLowerCase(), name) <= name.length / 3)
  );
}

/** Writes a path as `pulumi config set --path` takes it: `brokers[1].address`, `settings["a.b"]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${String(part)}]`;
    const key = String(part);
    if (!simpleKey.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/**
 * Says which key was probably meant. Three typing errors in a long name still point at it; beyond a third of the
 * name the list of what there is helps more than a guess.
 */
export function unknownKey(key: string, known: readonly string[]): string {
  const nearest = closest(key, known);
  const near =
    distance(key.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, Math.floor(nearest.length / 3));
  if (near) return `unknown key; did you mean ${nearest}?`;
  return `unknown key; the keys here are ${listed(known)}`;
}

/** Joins names as in a sentence: `a, b and c`. */
export function listed(names: readonly string[], conjunction: "and" | "or" = "and"): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} ${conjunction} ${names.at(-1) ?? ""}`;
}

/**
 * Puts all faults into one message, in an order that does not depend on how they were found: by top-level key as
 * given, then by position in a list.
 *
 * @param stack the stack's name; absent: the message does not name it
 */
export function report(faults: readonly Fault[], keys: readonly string[], stack?: string): string {
  const lines = [...new Set([...faults].sort((a, b) => order(a, keys) - order(b, keys)).map(line))];
  const subject = stack === undefined ? "The configuration" : `The configuration of stack "${stack}"`;
  const count = lines.length === 1 ? "1 fault" : `${String(lines.length)} faults`;
  return `${subject} has ${count}; nothing was changed.\n\n${lines.map((text) => `  ${text}`).join("\n")}\n`;
}

function order(fault: Fault, keys: readonly string[]): number {
  const [key, position] = fault.path;
  const rank = keys.indexOf(String(key));
  const perKey = 1000;
  const inList = typeof position === "number" ? 1 + Math.min(position, perKey - 2) : 0;
  return (rank < 0 ? keys.length : rank) * perKey + inList;
}

function line({ path, value, words: text }: Fault): string {
  const hidden = path.some(mayBeSecret);
  const shown = value === undefined ? "" : ` = ${hidden ? "(not shown)" : valueText(value)}`;
  return `${namespace}:${pathText(path)}${shown}: ${text}`;
}

/** A value in JSON and on one line; of blocks only the outline, since anything may stand in them. */
function valueText(value: unknown): string {
  const scalar = (item: unknown): boolean => typeof item !== "object" || item === null;
  if (Array.isArray(value) && !value.every(scalar)) return "[…]";
  if (!Array.isArray(value) && !scalar(value)) return "{…}";
  const text = JSON.stringify(value).replace(/\/\/[^/@\s"]*@/g, "//…@");
  return text.length > longestValue ? `${text.slice(0, longestValue - 1)}…` : text;
}
