/** What definitions would make and change in a cluster that has others; nothing is ever removed. */
import { isSameValue, tagList } from "../hosts/definition-objects.ts";
import {
  asMap,
  type Category,
  type DefinitionObject,
  type Definitions,
  type Entry,
  entriesOf,
  keyOf,
} from "./exported-definitions.ts";
import { carryUser, lateCarryUser, shovelPrefix } from "./migration-names.ts";
import type { LeftOut } from "./series.ts";

/** What in a cluster is its stack's own, and is not taken from elsewhere. */
export interface StacksOwn {
  readonly adminUser: string;
  /** The name of the policy that the stack sets in every virtual host. */
  readonly policyName: string;
}

export interface Difference {
  readonly made: readonly Entry[];
  readonly changed: readonly Entry[];
  readonly equal: readonly Entry[];
  /** They exist with properties that cannot be changed, and stay. */
  readonly conflicting: readonly Entry[];
  /** They are the stack's own, or something that they need is missing. */
  readonly leftOut: readonly LeftOut[];
  /** They are in the cluster alone, and stay. */
  readonly untouched: readonly Entry[];
}

/** @param wanted what the cluster is to have as well @param present what it has */
export function compareDefinitions(wanted: Definitions, present: Definitions, own: StacksOwn): Difference {
  const found = new Map(entriesOf(present).map((entry) => [keyOf(entry), entry]));
  const there = new Set(found.keys());
  const made: Entry[] = [];
  const changed: Entry[] = [];
  const equal: Entry[] = [];
  const conflicting: Entry[] = [];
  const leftOut: LeftOut[] = [];
  const known = new Set<string>();
  for (const entry of entriesOf(wanted)) {
    const key = keyOf(entry);
    if (isReserved(entry)) continue;
    known.add(key);
    const other = found.get(key);
    const reason = reasonToLeaveOut(entry, other, present, own) ?? missingPart(entry, there);
    if (other !== undefined && isSame(entry, other)) equal.push(entry);
    else if (reason !== undefined) leftOut.push({ ...entry, reason });
    else if (other === undefined) {
      made.push(entry);
      there.add(key);
    } else if (entry.category === "queues" || entry.category === "exchanges") conflicting.push(entry);
    else changed.push(entry);
  }
  const untouched = [...found].flatMap(([key, entry]) =>
    known.has(key) || isReserved(entry) || isStacksOwn(entry, own) ? [] : [entry],
  );
  return { made, changed, equal, conflicting, leftOut, untouched };
}

/** Whether the broker makes such an object itself, and takes none from definitions. */
function isReserved({ category, object }: Entry): boolean {
  const name = String(object["name"]);
  if (category === "queues" || category === "exchanges") return name === "" || name.startsWith("amq.");
  if (category === "global_parameters") return name.startsWith("internal");
  if (category !== "bindings") return false;
  const destination = String(object["destination"]);
  return destination.startsWith("amq.") && object["destination_type"] === "queue";
}

/** Whether this program sets it, in every stack in its own way. */
function isStacksOwn({ category, object }: Entry, { adminUser, policyName }: StacksOwn): boolean {
  const name = String(object["name"]);
  switch (category) {
    case "users":
      return name === adminUser;
    case "permissions":
      return object["user"] === adminUser && object["vhost"] === "/";
    case "policies":
      return name === policyName;
    case "global_parameters":
      return name === "cluster_name" || name.startsWith("rabbitmq_ha_");
    default:
      return false;
  }
}

/** Whether a migration that was under way has made it for itself; its shovels would move messages again. */
function isMigrationsOwn({ category, object }: Entry): boolean {
  const text = (key: string): string => String(object[key]);
  const users = [carryUser, lateCarryUser];
  switch (category) {
    case "users":
      return users.includes(text("name"));
    case "permissions":
      return users.includes(text("user"));
    case "exchanges":
    case "parameters":
      return text("name").startsWith(shovelPrefix);
    case "bindings":
      return text("source").startsWith(shovelPrefix);
    default:
      return false;
  }
}

function reasonToLeaveOut(
  entry: Entry,
  other: Entry | undefined,
  present: Definitions,
  own: StacksOwn,
): string | undefined {
  const { category, object } = entry;
  if (object[category === "users" ? "name" : "user"] === "guest")
    return "everybody knows the password of guest, so this program deletes that user";
  if (isMigrationsOwn(entry)) return "a migration makes it for itself, and removes it";
  if (isStacksOwn(entry, own)) {
    // A new virtual host has the policy at once, and not only when the watch has noticed it.
    const inRoot = present.policies.find((each) => each["name"] === own.policyName && each["vhost"] === "/");
    const isSamePolicy =
      inRoot !== undefined && other === undefined && isSame(entry, { category, object: inRoot });
    return category === "policies" && isSamePolicy ? undefined : "the stack sets its own";
  }
  // Given by hand: made where it is missing, and never changed.
  if (category === "permissions" && object["user"] === own.adminUser && other !== undefined)
    return "the stack's administrator keeps its own";
  return undefined;
}

/**
 * @param there the keys of what exists or is made before
 * @returns what the object lacks; undefined if nothing
 */
function missingPart(entry: Entry, there: ReadonlySet<string>): string | undefined {
  const has = (category: Category, object: DefinitionObject): boolean =>
    there.has(keyOf({ category, object }));
  const { source, destination } = entry.object;
  const [vhost, user] = [entry.object["vhost"], entry.object["user"]].map((name) => name?.toString());
  if (vhost !== undefined && !has("vhosts", { name: vhost })) return `there is no virtual host ${vhost}`;
  if (user !== undefined && !has("users", { name: user })) return `there is no user ${user}`;
  if (entry.category !== "bindings") return undefined;
  const isThere = (kind: Category, name: unknown): boolean =>
    (kind === "exchanges" && String(name).startsWith("amq.")) || has(kind, { name, vhost });
  if (!isThere("exchanges", source)) return `there is no exchange ${String(source)}`;
  const kind = entry.object["destination_type"] === "queue" ? "queues" : "exchanges";
  return isThere(kind, destination) ? undefined : `there is no ${kind.slice(0, -1)} ${String(destination)}`;
}

function isSame(one: Entry, other: Entry): boolean {
  if (one.category === "queues" && !isSameType(one.object, other.object)) return false;
  return isSameValue(contentOf(one), contentOf(other));
}

/** A queue that was declared without a type has that which was the default then. */
function isSameType(one: DefinitionObject, other: DefinitionObject): boolean {
  const given = asMap(one["arguments"])["x-queue-type"];
  return given === undefined || given === typeOf(other);
}

function typeOf(queue: DefinitionObject): unknown {
  return asMap(queue["arguments"])["x-queue-type"] ?? queue["type"] ?? "classic";
}

/** @returns what of an object may differ, in one form for all series of RabbitMQ */
function contentOf({ category, object }: Entry): unknown {
  const { [`x-queue-type`]: _, ...args } = asMap(object["arguments"]);
  const pick = (...keys: readonly string[]): unknown[] => keys.map((key) => object[key] ?? null);
  switch (category) {
    case "users":
      return [
        ...pick("password_hash", "hashing_algorithm"),
        tagList(object["tags"]),
        asMap(object["limits"]),
      ];
    case "vhosts": {
      const { description = "", tags } = { ...asMap(object["metadata"]), ...object };
      return [description, tagList(tags)];
    }
    case "permissions":
      return pick("configure", "write", "read");
    case "topic_permissions":
      return pick("write", "read");
    case "exchanges":
      return [
        ...pick("type", "durable", "auto_delete"),
        object["internal"] ?? false,
        asMap(object["arguments"]),
      ];
    case "queues":
      return [...pick("durable", "auto_delete"), args];
    case "policies":
      return [...pick("pattern", "apply-to"), object["priority"] ?? 0, asMap(object["definition"])];
    case "parameters":
    case "global_parameters":
      return pick("value");
    case "bindings":
      return [];
  }
}
