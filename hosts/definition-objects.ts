/** The objects of RabbitMQ's definitions: what tells each from others of its kind, and how messages name it. */

import { isDeepStrictEqual } from "node:util";

export type DefinitionFields = Readonly<Record<string, unknown>>;

/** The hash of a user's password, with the names that definitions have for both. */
export interface PasswordHash {
  readonly password_hash: string;
  readonly hashing_algorithm: string;
}

interface DefinitionKind {
  /** RabbitMQ's name of the list. */
  readonly list: string;
  readonly keys: readonly string[];
  readonly title: (fields: Readonly<Record<string, string>>) => string;
}

/** In the order in which they are made; agent/definitions.py has the same kinds, keys and titles. */
export const definitionKinds = {
  vhost: { list: "vhosts", keys: ["name"], title: ({ name }) => `virtual host ${name}` },
  user: { list: "users", keys: ["name"], title: ({ name }) => `user ${name}` },
  permission: {
    list: "permissions",
    keys: ["user", "vhost"],
    title: ({ user, vhost }) => `permission of ${user} on ${vhost}`,
  },
  topic_permission: {
    list: "topic_permissions",
    keys: ["user", "vhost", "exchange"],
    title: ({ user, vhost, exchange }) => `topic permission of ${user} on ${exchange} of ${vhost}`,
  },
  parameter: {
    list: "parameters",
    keys: ["vhost", "component", "name"],
    title: ({ vhost, component, name }) => `parameter ${component}/${name} of ${vhost}`,
  },
  global_parameter: {
    list: "global_parameters",
    keys: ["name"],
    title: ({ name }) => `global parameter ${name}`,
  },
  policy: {
    list: "policies",
    keys: ["vhost", "name"],
    title: ({ vhost, name }) => `policy ${name} of ${vhost}`,
  },
  exchange: {
    list: "exchanges",
    keys: ["vhost", "name"],
    title: ({ vhost, name }) => `exchange ${name} of ${vhost}`,
  },
  queue: {
    list: "queues",
    keys: ["vhost", "name"],
    title: ({ vhost, name }) => `queue ${name} of ${vhost}`,
  },
  binding: {
    list: "bindings",
    keys: ["vhost", "source", "destination_type", "destination", "routing_key", "arguments"],
    title: ({ vhost, source, destination, routing_key: key }) =>
      `binding ${source} to ${destination} of ${vhost} with ${key}`,
  },
} as const satisfies Readonly<Record<string, DefinitionKind>>;

export type DefinitionKindName = keyof typeof definitionKinds;

export const definitionKindNames = Object.keys(definitionKinds) as readonly DefinitionKindName[];

/** An object as it is stated: what is left out may be anything. */
export interface DefinedObject {
  readonly kind: DefinitionKindName;
  readonly fields: DefinitionFields;
}

/** @returns a value as JSON with the keys of its mappings in order, so that equal values are equal texts */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value as DefinitionFields)
    .filter(([, inner]) => inner !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`);
  return `{${pairs.join(",")}}`;
}

/** @returns a text that only this object has; an empty list counts as an empty mapping, as in Erlang */
export function keyOf({ kind, fields }: DefinedObject): string {
  return canonicalJson([kind, ...definitionKinds[kind].keys.map((key) => plain(fields[key]))]);
}

/** @returns how messages name an object */
export function titleOf({ kind, fields }: DefinedObject): string {
  const texts = Object.fromEntries(definitionKinds[kind].keys.map((key) => [key, String(fields[key])]));
  return definitionKinds[kind].title(texts);
}

/** @returns the value with empty mappings in place of empty lists and of what is not there */
export function plain(value: unknown): unknown {
  if (value === undefined || value === null) return {};
  if (Array.isArray(value)) return value.length === 0 ? {} : value.map(plain);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** @returns whether two values are the same to RabbitMQ: empty lists and mappings, and what is not there, do not differ */
export function isSameValue(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

export function isMapping(value: unknown): value is DefinitionFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @returns the tags of a user or a virtual host, sorted; older series have them as one text */
export function tagList(tags: unknown): string[] {
  const list = typeof tags === "string" ? tags.split(",") : Array.isArray(tags) ? tags.map(String) : [];
  return list
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "")
    .sort();
}
