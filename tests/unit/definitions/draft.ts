/** Definitions as brokers write them, for tests. */
import {
  type Category,
  categories,
  type DefinitionObject,
  type Definitions,
} from "../../../definitions/exported-definitions.ts";

type Lists = Partial<Record<Category, readonly DefinitionObject[]>>;

export const root = { name: "/", limits: [], metadata: { description: "Default virtual host", tags: [] } };

/** @returns the lists, each other one empty, of a cluster with the virtual host / */
export function definitionsOf(lists: Lists, version = "3.10.8"): Definitions {
  const all = categories.map((category) => [
    category,
    lists[category] ?? (category === "vhosts" ? [root] : []),
  ]);
  return { ...(Object.fromEntries(all) as Record<Category, DefinitionObject[]>), version };
}

export const user = (name: string, hash = `hash of ${name}`): DefinitionObject => ({
  name,
  password_hash: hash,
  hashing_algorithm: "rabbit_password_hashing_sha256",
  tags: [],
  limits: {},
});

export const vhost = (name: string, metadata: DefinitionObject = {}): DefinitionObject => ({
  name,
  limits: [],
  metadata: { description: "", tags: [], ...metadata },
});

export const permission = (who: string, where: string, configure = ".*"): DefinitionObject => ({
  user: who,
  vhost: where,
  configure,
  write: ".*",
  read: ".*",
});

export const queue = (name: string, args: DefinitionObject = {}, where = "/"): DefinitionObject => ({
  name,
  vhost: where,
  type: args["x-queue-type"] ?? "classic",
  durable: true,
  auto_delete: false,
  arguments: args,
});

export const exchange = (name: string, type = "topic", where = "/"): DefinitionObject => ({
  name,
  vhost: where,
  type,
  durable: true,
  auto_delete: false,
  arguments: {},
});

export const policy = (name: string, definition: DefinitionObject, where = "/"): DefinitionObject => ({
  name,
  vhost: where,
  pattern: "^",
  "apply-to": "all",
  priority: 0,
  definition,
});

export const binding = (source: string, destination: string, key = "#", where = "/"): DefinitionObject => ({
  source,
  vhost: where,
  destination,
  destination_type: "queue",
  routing_key: key,
  arguments: {},
});
