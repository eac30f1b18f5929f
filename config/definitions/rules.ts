/** Rules on RabbitMQ's definitions: what is the stack's own, what refers to nothing, what would hide a secret. */
import { isMapping, keyOf, tagList, titleOf, type DefinitionFields } from "../../hosts/definition-objects.ts";
import type { DefinitionSource, GivenObject } from "./source.ts";
import type { Fault } from "../faults.ts";
import { checkDefinition } from "../policy.ts";
import { noSuchUser, successorsIn, type Rotation } from "../rotation.ts";
import type { Policy } from "../types.ts";

/** What the rest of the configuration says. */
export interface DefinitionContext {
  readonly adminUser: string;
  /** The users that are, or were, the administrator. */
  readonly administrators: readonly string[];
  readonly rotation: Rotation;
  readonly policy: Policy;
  readonly policyAppliesTo: string;
  /** The type of a queue that is declared without one. */
  readonly queueType: string;
  readonly hasMirrors: boolean;
  readonly hasQueueTypes: boolean;
  /** The users whose passwords are secrets of the stack. */
  readonly passwords: readonly string[];
}

/** @returns why an object is not for the definitions, and what to do; undefined if it is */
export function reasonToLeaveOut(
  { kind, fields }: GivenObject,
  { administrators, policy }: DefinitionContext,
): string | undefined {
  const name = String(fields["name"]);
  const user = kind === "user" ? name : fields["user"];
  if (administrators.some((name) => name === user))
    return "the stack's administrator, who is no user of applications";
  if (user === "guest") return "a user whose password everybody knows, which the stack deletes";
  if (kind === "policy" && name === policy.name)
    return "the stack's own policy, which rabbitmq.policy describes";
  if (
    kind === "parameter" &&
    /^(exchange-delete-in-progress|imported_definition_hash_value)$/.test(String(fields["component"]))
  )
    return "RabbitMQ's own note";
  if (kind === "global_parameter" && name === "cluster_name") return "what clusterName sets";
  if (
    kind === "global_parameter" &&
    /^(internal_?.*|rabbitmq_ha_.*|cluster_tags|imported_definition_hash_value)$/.test(name)
  )
    return "a note of RabbitMQ's or of the stack's own";
  if ((kind === "exchange" || kind === "queue") && (name === "" || name.startsWith("amq.")))
    return "RabbitMQ's own";
  return undefined;
}

/** @param objects those that are for the definitions */
export function definitionFaults(
  source: DefinitionSource,
  objects: readonly GivenObject[],
  context: DefinitionContext,
): Fault[] {
  const names = (kind: string): Set<unknown> =>
    new Set(objects.filter((each) => each.kind === kind).map(({ fields }) => fields["name"]));
  const vhosts = names("vhost").add("/");
  const users = names("user");
  const fault = ({ path }: GivenObject, key: string, message: string, value?: unknown): Fault =>
    source.faultAt([...path, key], message, value);
  const seen = new Set<string>();
  const faults = objects.flatMap((each): Fault[] => {
    const { kind, fields } = each;
    const key = keyOf(each);
    const isDoubled = seen.has(key);
    seen.add(key);
    const missing = (field: "vhost" | "user", known: ReadonlySet<unknown>): Fault[] => {
      if (fields[field] === undefined || known.has(fields[field]) || source.faulty.has(field)) return [];
      const [what, list] = field === "user" ? ["user", "users"] : ["virtual host", "vhosts"];
      return [fault(each, field, `no ${what} of the definitions; add it to ${list}`, fields[field])];
    };
    return [
      ...(isDoubled ? [source.faultAt(each.path, `a second ${titleOf(each)}; remove one of them`)] : []),
      ...missing("vhost", vhosts),
      ...missing("user", users),
      ...(kind === "user" ? userFaults(each, source, context) : []),
      ...(kind === "vhost"
        ? vhostFaults(fields, context).map((message) => fault(each, "default_queue_type", message))
        : []),
      ...(kind === "policy"
        ? policyFaults(fields, context).map((message) => fault(each, "definition", message))
        : []),
      ...("value" in fields && hasSecret(fields["value"])
        ? [
            fault(
              each,
              "value",
              "has a URL with a password, which the stack's file would show to everybody; remove this object here, and set it on a broker by rabbitmqctl: the stack leaves it as it is",
            ),
          ]
        : []),
      ...(kind === "parameter" && fields["component"] === "policy"
        ? [fault(each, "component", "a policy; write it under policies")]
        : []),
    ];
  });
  return [...faults, ...passwordFaults(users, context), ...rotatedUserFaults(users, source, context)];
}

function userFaults(user: GivenObject, source: DefinitionSource, { passwords }: DefinitionContext): Fault[] {
  const name = String(user.fields["name"]);
  const isDoubled = user.fields["password_hash"] !== undefined && passwords.includes(name);
  const isUnstated =
    tagList(user.fields["tags"]).includes("administrator") && !source.administrators.includes(name);
  return [
    ...(isDoubled
      ? [
          source.faultAt(
            [...user.path, "password_hash"],
            `there, and so is userPasswords.${name}; remove one of them`,
          ),
        ]
      : []),
    ...(isUnstated
      ? [
          source.faultAt(
            [...user.path, "tags"],
            `administrator gives ${name} every virtual host; remove the tag, or state it by adding ${name} to definitions.administrators`,
          ),
        ]
      : []),
  ];
}

function passwordFaults(users: ReadonlySet<unknown>, { passwords, rotation }: DefinitionContext): Fault[] {
  const successors = successorsIn(rotation);
  return passwords
    .filter((name) => !users.has(name) && !successors.includes(name))
    .map((name) => ({
      path: ["userPasswords", name],
      message: "no user of the definitions; remove it, or add the user to definitions.users",
    }));
}

function rotatedUserFaults(
  users: ReadonlySet<unknown>,
  { faulty }: DefinitionSource,
  { adminUser, rotation }: DefinitionContext,
): Fault[] {
  if (faulty.has("user")) return [];
  return Object.entries(rotation).flatMap(([name, successors]): Fault[] => {
    const path = ["rotation", name];
    if (name !== adminUser && !users.has(name)) return [{ path, value: successors, message: noSuchUser }];
    const defined = successors.filter((user) => user !== name && users.has(user));
    return defined.map((user) => ({
      path,
      value: successors,
      message: `has ${user}, a user of the definitions itself; write another name, or remove this key or that user`,
    }));
  });
}

/** @returns the default queue type that is stated, if one is */
export function statedQueueType(fields: DefinitionFields): string | undefined {
  const metadata = isMapping(fields["metadata"]) ? fields["metadata"] : {};
  const type = fields["default_queue_type"] ?? metadata["default_queue_type"];
  return typeof type === "string" && type !== "undefined" && type !== "" ? type : undefined;
}

function vhostFaults(fields: DefinitionFields, { hasQueueTypes, queueType }: DefinitionContext): string[] {
  const type = statedQueueType(fields);
  if (type === undefined) return [];
  if (!["classic", "quorum", "stream"].includes(type))
    return ["not a type of queues; write classic, quorum or stream"];
  if (!hasQueueTypes)
    return type === "classic"
      ? []
      : ["this RabbitMQ has no default queue type; remove it, and give each queue its x-queue-type"];
  return fields["name"] === "/" && type !== queueType
    ? [`that of / is ${queueType}, as rabbitmq.queues says; remove it, or change rabbitmq.queues`]
    : [];
}

/** Queues of which kinds a policy can take. */
function isForQueues(appliesTo: unknown, ofStack: string): boolean {
  if (appliesTo === "exchanges" || appliesTo === "streams") return false;
  return !(appliesTo === "classic_queues" && ofStack === "quorum_queues");
}

function policyFaults(fields: DefinitionFields, context: DefinitionContext): string[] {
  const definition = fields["definition"];
  if (!isMapping(definition)) return ["empty; write what the policy sets, such as max-length: 1000"];
  const found: string[] = [];
  const collect = { addIssue: (issue: { readonly message: string }) => found.push(issue.message) };
  checkDefinition(definition, collect as never);
  const mirroring = Object.keys(definition).filter((key) => key.startsWith("ha-"));
  if (mirroring.length > 0 && !context.hasMirrors)
    found.push(`has ${mirroring.join(", ")}, and this RabbitMQ has no mirrored queues; remove these keys`);
  const own = Object.keys(context.policy.definition).filter((key) => definition[key] === undefined);
  const wins = Number(fields["priority"]) >= 0 && isForQueues(fields["apply-to"], context.policyAppliesTo);
  if (wins && own.length > 0 && found.length === 0)
    found.push(
      `takes the place of the stack's policy ${context.policy.name} on the queues that it matches, since a queue has one policy; add ${own
        .map((key) => `${key}: ${JSON.stringify(context.policy.definition[key])}`)
        .join(", ")}`,
    );
  return found;
}

function hasSecret(value: unknown): boolean {
  if (typeof value === "string") return /:\/\/[^/\s]*:[^/\s]*@/.test(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasSecret);
}
