/** The fields of each kind of objects in RabbitMQ's definitions: what they may hold, and what they are if left out. */
import { isMapping, type DefinitionFields, type DefinitionKindName } from "../../hosts/definition-objects.ts";
import { ownValue } from "../../hosts/own-value.ts";
import { joinNames, unknownKeyMessage, type Path } from "../faults.ts";
import { patternFault } from "../policy.ts";

/** @returns what is wrong with a value; undefined if it is right */
type FieldFault = (value: unknown) => string | undefined;

interface Field {
  readonly fault: FieldFault;
  /** What it is if it is left out. @default it has to be there, or stays out if it is `optional` */
  readonly standard?: unknown;
  readonly optional?: true;
}

export type Report = (path: Path, message: string, value?: unknown) => void;

const maxBytes = 255;

function textFault(value: unknown, what: string): string | undefined {
  if (typeof value !== "string") return `not a text; write ${what}`;
  if (/\p{Cc}/u.test(value)) return `has control characters; write ${what}, without them`;
  return Buffer.byteLength(value) > maxBytes
    ? `longer than ${String(maxBytes)} bytes; write a shorter one`
    : undefined;
}

const name: Field = {
  fault: (value) => textFault(value, "a name") ?? (value === "" ? "empty; write a name" : undefined),
};
const text = (standard?: string): Field => ({
  fault: (value) => textFault(value, "a text"),
  ...(standard === undefined ? { optional: true } : { standard }),
});
const pattern: Field = {
  fault: (value) => {
    if (typeof value !== "string") return "not a text; write a regular expression, such as ^orders";
    return value === "" ? undefined : patternFault(value);
  },
};
const flag = (standard: boolean): Field => ({
  fault: (value) =>
    typeof value === "boolean" ? undefined : "neither true nor false; write one of them, without quotes",
  standard,
});
const mapping = (standard?: object): Field => ({
  fault: (value) =>
    isMapping(value) || isListOfPairs(value) ? undefined : "not a mapping; write key: value pairs under it",
  ...(standard === undefined ? { optional: true } : { standard }),
});
const anything: Field = {
  fault: (value) => (value === undefined ? "missing; write what it holds" : undefined),
};
const choice = (choices: readonly string[], standard?: string): Field => ({
  fault: (value) =>
    choices.some((each) => each === value) ? undefined : `unknown; write ${joinNames(choices, "or")}`,
  ...(standard === undefined ? { optional: true } : { standard }),
});
const tags: Field = {
  fault: (value) =>
    typeof value === "string" || (Array.isArray(value) && value.every((each) => typeof each === "string"))
      ? undefined
      : "not a list of texts; write one, such as [management]",
  optional: true,
};
const metadata: Field = {
  fault: (value) => {
    if (Array.isArray(value) && value.length === 0) return undefined;
    if (!isMapping(value)) return "not a mapping; write key: value pairs under it";
    const known: Readonly<Record<string, FieldFault>> = {
      description: (each) => textFault(each, "a text"),
      tags: tags.fault,
      default_queue_type: (each) => textFault(each, "classic, quorum or stream"),
      protected_from_deletion: flag(false).fault,
    };
    for (const [key, each] of Object.entries(value)) {
      const faultOf = ownValue(known, key);
      const message = faultOf === undefined ? unknownKeyMessage(key, Object.keys(known)) : faultOf(each);
      if (message !== undefined) return `${key}: ${message}`;
    }
    return undefined;
  },
  standard: {},
};
const priority: Field = {
  fault: (value) => (Number.isSafeInteger(value) ? undefined : "not a whole number; write one, such as 0"),
  standard: 0,
};
const base64: Field = {
  fault: (value) =>
    typeof value === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
      ? undefined
      : "not a hash in base 64; write it as rabbitmqctl export_definitions prints it",
  optional: true,
};

const queueTypes = ["classic", "quorum", "stream"];
const appliesTo = ["all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams"];

const fieldsOf: Readonly<Record<DefinitionKindName, Readonly<Record<string, Field>>>> = {
  vhost: {
    name,
    metadata,
    limits: mapping(),
    description: text(),
    tags,
    default_queue_type: text(),
  },
  user: {
    name,
    password_hash: base64,
    hashing_algorithm: choice([
      "rabbit_password_hashing_sha256",
      "rabbit_password_hashing_sha512",
      "rabbit_password_hashing_md5",
    ]),
    tags: { ...tags, standard: [] },
    limits: mapping(),
  },
  permission: { user: name, vhost: name, configure: pattern, write: pattern, read: pattern },
  topic_permission: { user: name, vhost: name, exchange: text(""), write: pattern, read: pattern },
  parameter: { vhost: name, component: name, name, value: anything },
  global_parameter: { name, value: anything },
  policy: {
    vhost: name,
    name,
    pattern,
    definition: mapping(),
    priority,
    "apply-to": choice(appliesTo, "all"),
  },
  exchange: {
    vhost: name,
    name: text(""),
    type: name,
    durable: flag(true),
    auto_delete: flag(false),
    internal: flag(false),
    arguments: mapping({}),
  },
  queue: {
    vhost: name,
    name,
    type: choice(queueTypes),
    durable: flag(true),
    auto_delete: flag(false),
    arguments: mapping({}),
  },
  binding: {
    vhost: name,
    source: text(""),
    destination: name,
    destination_type: choice(["queue", "exchange"], "queue"),
    routing_key: text(""),
    arguments: mapping({}),
  },
};

/** Exports of RabbitMQ 3 write some mappings so: `[["max-queues", 5]]`, and `[]` for an empty one. */
export function isListOfPairs(value: unknown): value is [string, unknown][] {
  return (
    Array.isArray(value) &&
    value.every((pair) => Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string")
  );
}

const clearPassword =
  "a password in the clear; remove it, and give it by npm run -s pulumi -- config set --secret --path userPasswords.NAME, or write its password_hash";

const mappings = ["metadata", "limits", "definition", "arguments"];

function isPairs(kind: DefinitionKindName, key: string, value: unknown): value is [string, unknown][] {
  if (!isListOfPairs(value)) return false;
  return mappings.includes(key) || (kind === "global_parameter" && key === "value" && value.length > 0);
}

/** @returns an object with what was left out; undefined if it has a fault */
export function readFields(
  kind: DefinitionKindName,
  given: unknown,
  path: Path,
  report: Report,
): DefinitionFields | undefined {
  if (!isMapping(given)) {
    report(path, "not a mapping; write it with its keys, as rabbitmqctl export_definitions prints it");
    return undefined;
  }
  const known = fieldsOf[kind];
  const wrong: string[] = [];
  const fault = (key: string, message: string, value?: unknown): void => {
    wrong.push(key);
    report([...path, key], message, value);
  };
  for (const key of Object.keys(given)) {
    if (kind === "user" && key === "password") fault(key, clearPassword);
    else if (!Object.hasOwn(known, key)) fault(key, unknownKeyMessage(key, Object.keys(known)));
  }
  const fields: Record<string, unknown> = {};
  for (const [key, { fault: faultOf, standard, optional }] of Object.entries(known)) {
    const value = given[key] ?? standard;
    if (value === undefined && optional) continue;
    const message =
      value === undefined ? `missing; ${faultOf(value)?.split("; ")[1] ?? "write it"}` : faultOf(value);
    if (message !== undefined) fault(key, message, value);
    else fields[key] = isPairs(kind, key, value) ? Object.fromEntries(value) : value;
  }
  return wrong.length === 0 ? fields : undefined;
}
