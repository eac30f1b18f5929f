/** Reads and changes single values of a stack's file. All else in it stays as it is, to the byte. */
import { isMap, isScalar, type Pair, parseDocument, stringify, type YAMLMap } from "yaml";
import { UserError } from "../user-error.ts";

const namespace = "rabbitmq-ha:";

/** @returns a top-level key as the file has it, or with the namespace: the CLI takes both */
export function keyIn(text: string, key: string): string {
  const config = configOf(text);
  return keyOf(config && pairOf(config, key)) ?? namespace + key;
}

/** @returns the value at a path below `config`; undefined if there is none */
export function valueIn(text: string, [key, ...rest]: readonly [string, ...string[]]): unknown {
  const value: unknown = parseDocument(text).getIn(["config", keyIn(text, key), ...rest]);
  return isNode(value) ? value.toJSON() : value;
}

/**
 * @returns the list at a path below `config`; undefined if there is none
 * @throws UserError for anything else, which an edit would take for one
 */
export function listIn(text: string, path: readonly [string, ...string[]]): readonly string[] | undefined {
  const value = valueIn(text, path) ?? undefined;
  if (value === undefined || (Array.isArray(value) && value.every((each) => typeof each === "string")))
    return value;
  throw new UserError(
    `nothing was changed: ${path.join(".")} is no list of texts; write one, such as [orders-2, orders]`,
  );
}

/**
 * Sets a value, written on one line.
 * @param path keys from the top-level one down, without the namespace
 * @throws UserError if the file has no `config`
 */
export function withValue(
  text: string,
  [key, ...rest]: readonly [string, ...string[]],
  value: unknown,
): string {
  const config = configOf(text);
  if (config === undefined)
    throw new UserError("the stack's file has no mapping config, so nothing can be written into it");
  return setIn(text, config, [keyIn(text, key), ...rest], value);
}

function setIn(text: string, map: YAMLMap, [key = "", ...rest]: readonly string[], value: unknown): string {
  const pair = pairOf(map, key);
  if (pair !== undefined && isMap(pair.value) && rest.length > 0) return setIn(text, pair.value, rest, value);
  const nested = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
  if (pair === undefined) return insert(text, map, `${flow(key)}: ${flow(nested)}`);
  const range = isNode(pair.value) ? pair.value.range : undefined;
  if (isNode(pair.value) && range && range[1] > range[0])
    return (
      text.slice(0, range[0]) + flow(nested) + trailing(text.slice(range[0], range[1])) + text.slice(range[1])
    );
  // A bare key: its value begins behind the colon.
  const colon = text.indexOf(":", endOf(pair.key)) + 1;
  return `${text.slice(0, colon)} ${flow(nested)}${text.slice(colon)}`;
}

/** Inserts a pair as the last one of a mapping. */
function insert(text: string, map: YAMLMap, pair: string): string {
  const first = map.items[0];
  const [from = 0, to = 0] = map.range ?? [];
  if (map.flow === true) {
    const end = text.lastIndexOf("}", to - 1);
    const inside = text.slice(from + 1, end).trimEnd();
    return `${text.slice(0, from + 1)}${inside}${first === undefined ? " " : ", "}${pair} ${text.slice(end)}`;
  }
  const start = startOf(first?.key);
  const indent = " ".repeat(start - (text.lastIndexOf("\n", start - 1) + 1));
  const end = from + text.slice(from, to).trimEnd().length;
  return `${text.slice(0, end)}\n${indent}${pair}${text.slice(end)}`;
}

/** The blank end of a block's text, which its range includes. */
function trailing(text: string): string {
  return text.slice(text.trimEnd().length);
}

/** @returns the value on one line, as it may stand in a list or a mapping on one line, too */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, each]) => `${flow(key)}: ${flow(each)}`);
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  // YAML's double quotes know the escapes of JSON.
  if (typeof value === "string" && value.includes("\n")) return JSON.stringify(value);
  // Alone a text may hold what ends an item of a list.
  const list = stringify([value], { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 });
  return list.trimEnd().slice(1, -1);
}

function configOf(text: string): YAMLMap | undefined {
  const config = parseDocument(text).get("config");
  return isMap(config) ? config : undefined;
}

/** The CLI takes a key without a namespace as one of the project's own. */
function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => [key, namespace + key].includes(keyOf(pair) ?? ""));
}

function keyOf(pair: Pair | undefined): string | undefined {
  return isScalar(pair?.key) ? String(pair.key.value) : undefined;
}

interface Ranged {
  readonly range?: readonly [number, number, number] | null;
  toJSON(): unknown;
}

function isNode(value: unknown): value is Ranged {
  return typeof value === "object" && value !== null && "range" in value;
}

function startOf(key: unknown): number {
  return isNode(key) ? (key.range?.[0] ?? 0) : 0;
}

function endOf(key: unknown): number {
  return isNode(key) ? (key.range?.[1] ?? 0) : 0;
}
