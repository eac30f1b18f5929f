/** RabbitMQ's definitions: what `rabbitmqctl export_definitions` prints, read, counted and named. */

import { parseJson } from "../json.ts";
import {
  definitionKinds,
  definitionKindNames,
  isMapping,
  keyOf as keyOfDefined,
  type DefinitionKindName,
} from "../hosts/definition-objects.ts";
import { fenceName } from "./migration-names.ts";

/** The lists of a definitions file, in the order in which they have to be made. */
export const categories = [
  "users",
  "vhosts",
  "permissions",
  "exchanges",
  "topic_permissions",
  "global_parameters",
  "policies",
  "parameters",
  "queues",
  "bindings",
] as const;

export type Category = (typeof categories)[number];

/** One user, queue, … as the file has it. */
export type DefinitionObject = Readonly<Record<string, unknown>>;

export type Definitions = Readonly<Record<Category, readonly DefinitionObject[]>> & {
  /** Of the RabbitMQ that has written them, such as `3.10.8`. */
  readonly version: string;
};

/** An object, and what it is called in messages. */
export interface Entry {
  readonly category: Category;
  readonly object: DefinitionObject;
}

const kinds = Object.fromEntries(
  definitionKindNames.map((kind) => [definitionKinds[kind].list, kind]),
) as Readonly<Record<Category, DefinitionKindName>>;

/** @returns the keys that make an object of a category this one and no other */
function keysOf(category: Category): readonly string[] {
  return definitionKinds[kinds[category]].keys;
}

/** By category: one object, and several. */
const words: Readonly<Record<Category, readonly [one: string, several: string]>> = {
  users: ["user", "users"],
  vhosts: ["virtual host", "virtual hosts"],
  permissions: ["permission", "permissions"],
  exchanges: ["exchange", "exchanges"],
  topic_permissions: ["topic permission", "topic permissions"],
  global_parameters: ["global parameter", "global parameters"],
  policies: ["policy", "policies"],
  parameters: ["parameter", "parameters"],
  queues: ["queue", "queues"],
  bindings: ["binding", "bindings"],
};

/** A text that is not whole as definitions; the message says what is missing, and no value of it. */
export class DefinitionsError extends Error {}

/**
 * @returns what the cluster has; of users that a migration keeps out, their own limits
 * @throws DefinitionsError unless the text is one whole JSON document with every list, and each object has its name
 */
export function parseDefinitions(text: string): Definitions {
  const found = parseJson(text);
  if (found === undefined) throw new DefinitionsError("they are not one whole JSON document");
  if (!isMapping(found)) throw new DefinitionsError("they are no JSON object");
  const version = found["rabbitmq_version"] ?? found["rabbit_version"];
  if (typeof version !== "string") throw new DefinitionsError("they lack rabbitmq_version");
  const lists = categories.map((category) => [category, readList(found, category)] as const);
  const definitions = { ...(Object.fromEntries(lists) as Record<Category, DefinitionObject[]>), version };
  return { ...definitions, users: withOwnLimits(definitions) };
}

/** Whether a migration keeps the cluster's clients out, by limits of its users. */
export function hasFence({ global_parameters: parameters }: Definitions): boolean {
  return parameters.some(({ name }) => name === fenceName);
}

const connectionLimit = "max-connections";

/** The fence is no property of a user: restored, it would lock everybody out, with no note that takes it back. */
function withOwnLimits({ users, global_parameters: parameters }: Definitions): readonly DefinitionObject[] {
  const fence = parameters.find(({ name }) => name === fenceName);
  if (fence === undefined) return users;
  const noted = parseJson(String(fence["value"]));
  if (!isMapping(noted)) throw new DefinitionsError(`${fenceName} does not say the users' own limits`);
  const own = new Map(Object.entries(noted));
  return users.map((user) => {
    const { [connectionLimit]: limit, ...others } = asMap(user["limits"]);
    const most = own.get(String(user["name"]));
    if (limit !== 0 || most === undefined) return user;
    if (typeof most !== "number")
      throw new DefinitionsError(`${fenceName} does not say the users' own limits`);
    return { ...user, limits: most < 0 ? others : { ...others, [connectionLimit]: most } };
  });
}

function readList(found: Readonly<Record<string, unknown>>, category: Category): DefinitionObject[] {
  const list = found[category];
  if (!Array.isArray(list)) throw new DefinitionsError(`they lack the list ${category}`);
  const names = keysOf(category).filter((key) => key !== "arguments");
  const whole = list.every((each) => isMapping(each) && names.every((key) => typeof each[key] === "string"));
  if (!whole) throw new DefinitionsError(`an object of the list ${category} lacks its name`);
  return list as DefinitionObject[];
}

/** @returns the same text for the same object, whatever it holds */
export function keyOf({ category, object }: Entry): string {
  return keyOfDefined({ kind: kinds[category], fields: object });
}

/** @returns the map; Erlang writes an empty one as an empty list where it does not know better */
export function asMap(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {};
}

/** @returns such as `orders in /shop`; never a secret */
export function nameOf({ category, object }: Entry): string {
  const text = (key: string): string => String(object[key]);
  const where = keysOf(category).includes("vhost") ? ` in ${text("vhost")}` : "";
  switch (category) {
    case "bindings":
      return `${text("source")} → ${text("destination")} (${JSON.stringify(text("routing_key"))})${where}`;
    case "permissions":
      return `${text("user")}${where}`;
    case "topic_permissions":
      return `${text("user")} on ${text("exchange")}${where}`;
    case "parameters":
      return `${text("component")} ${text("name")}${where}`;
    default:
      return `${text("name")}${where}`;
  }
}

/** @returns such as `queue orders in /shop`; never a secret */
export function labelOf(entry: Entry): string {
  return `${words[entry.category][0]} ${nameOf(entry)}`;
}

/** @returns the names, at most so many, and how many more there are */
export function listNames(names: readonly string[], most: number): string {
  const more = names.length - most;
  return names.slice(0, most).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** @returns such as `3 queues` */
export function countOf(category: Category, count: number): string {
  return `${count} ${words[category][count === 1 ? 0 : 1]}`;
}

/** @returns such as `2 users, 1 virtual host, 12 queues`; `nothing` if there is none */
export function summaryOf(definitions: Definitions): string {
  const counts = categories.flatMap((category) =>
    definitions[category].length === 0 ? [] : [countOf(category, definitions[category].length)],
  );
  return counts.length === 0 ? "nothing" : counts.join(", ");
}

/** @returns definitions of these objects alone */
export function definitionsOf(entries: readonly Entry[], version: string): Definitions {
  const lists = categories.map((category) => [
    category,
    entries.filter((entry) => entry.category === category).map(({ object }) => object),
  ]);
  return { ...(Object.fromEntries(lists) as Record<Category, DefinitionObject[]>), version };
}

/** @returns all objects, in the order in which they have to be made */
export function entriesOf(definitions: Definitions): Entry[] {
  return categories.flatMap((category) => definitions[category].map((object) => ({ category, object })));
}
