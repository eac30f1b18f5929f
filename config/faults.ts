/** The faults of a configuration, and the message that lists them. */
import { closest, distance } from "fastest-levenshtein";

/** The namespace of the keys; fixed, like the type tokens, so that a renamed copy of the project reads the same keys. */
export const namespace = "rabbitmq-ha";

/** The position of a value: keys and list indexes, from the top-level key down. */
export type Path = readonly PropertyKey[];

export interface Fault {
  readonly path: Path;
  /** The value as the user wrote it; absent if there is none, or if it may be a secret. */
  readonly value?: unknown;
  /** What is wrong with the value, and what to write instead. */
  readonly message: string;
}

const simpleKey = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const maxValueLength = 80;

// Names that suggest a secret. A secret in the wrong place or under a misspelt name is a fault too, but its value must
// not be printed.
const secretName = /pass|pwd|secret|cookie|token|credential|private-?_?key/i;
const secretNames = ["password", "adminpassword", "statspassword", "erlangcookie", "sshprivatekey"];

function mayBeSecret(key: PropertyKey): boolean {
  if (typeof key !== "string") return false;
  return (
    secretName.test(key) || secretNames.some((name) => distance(key.toLowerCase(), name) <= name.length / 3)
  );
}

/** Writes a path as `pulumi config set --path` takes it: `brokers[1].address`, `settings["a.b"]`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${String(part)}]`;
    const key = String(part);
    if (!simpleKey.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/**
 * @returns a message with the key that was probably meant: at most two typing errors away, or a third of its length; else
 * a message with all known keys
 */
export function unknownKeyMessage(key: string, known: readonly string[]): string {
  const nearest = closest(key, known);
  const near =
    distance(key.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, Math.floor(nearest.length / 3));
  if (near) return `unknown key; did you mean ${nearest}?`;
  return `unknown key; the keys here are ${joinNames(known)}`;
}

/** Joins names as in a sentence: `a, b and c`. */
export function joinNames(names: readonly string[], conjunction: "and" | "or" = "and"): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} ${conjunction} ${names.at(-1) ?? ""}`;
}

/**
 * Formats all faults as one message, in an order that does not depend on how they were found: by top-level key in the
 * order of `keys`, then by list index.
 *
 * @param stack the stack's name; absent: the message does not name it
 */
export function formatFaults(faults: readonly Fault[], keys: readonly string[], stack?: string): string {
  const lines = [
    ...new Set([...faults].sort((a, b) => sortRank(a, keys) - sortRank(b, keys)).map(formatFault)),
  ];
  const subject = stack === undefined ? "The configuration" : `The configuration of stack "${stack}"`;
  const count = lines.length === 1 ? "1 fault" : `${String(lines.length)} faults`;
  return `${subject} has ${count}; nothing was changed.\n\n${lines.map((text) => `  ${text}`).join("\n")}\n`;
}

function sortRank(fault: Fault, keys: readonly string[]): number {
  const [key, position] = fault.path;
  const rank = keys.indexOf(String(key));
  const ranksPerKey = 1000;
  const rankInList = typeof position === "number" ? 1 + Math.min(position, ranksPerKey - 2) : 0;
  return (rank < 0 ? keys.length : rank) * ranksPerKey + rankInList;
}

function formatFault({ path, value, message }: Fault): string {
  const isHidden = path.some(mayBeSecret);
  const shown = value === undefined ? "" : ` = ${isHidden ? "(not shown)" : formatValue(value)}`;
  return `${namespace}:${formatPath(path)}${shown}: ${message}`;
}

/** Formats a value as JSON on one line; blocks only as {…}, since they may contain anything. */
function formatValue(value: unknown): string {
  const isScalar = (item: unknown): boolean => typeof item !== "object" || item === null;
  if (Array.isArray(value) && !value.every(isScalar)) return "[…]";
  if (!Array.isArray(value) && !isScalar(value)) return "{…}";
  const text = JSON.stringify(value).replace(/\/\/[^/@\s"]*@/g, "//…@");
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength - 1)}…` : text;
}
