/** What a queue of OLD becomes in NEW, so that each client that declares it as before finds it as it declares it. */
import { compareSeries, seriesNameOf } from "../hosts/rabbitmq-series.ts";
import type { DefinitionObject } from "../definitions/exported-definitions.ts";
import { type Fields, fieldsOf, numberOf, textOf, without } from "./fields.ts";
import { limitsOf } from "./limits.ts";
import { becomes, blocks, cannot, type Note } from "./notes.ts";
import {
  type CarriedQueue,
  type FormerKind,
  type QueueDepth,
  queueKey,
  type QueueType,
  type Target,
} from "./plan.ts";
import { type Policy, policyFor } from "./policies.ts";

/** What decides about a queue, besides the queue. */
export interface QueueContext {
  readonly target: Target;
  readonly formerVersion: string;
  /** OLD's, its stack's own among them. */
  readonly policies: readonly Policy[];
  /** OLD's. */
  readonly operatorPolicies: readonly Policy[];
  /** The virtual hosts whose default type OLD has written into the arguments of queues that state none. */
  readonly vhostsWithType: ReadonlySet<string>;
}

/** What a queue was and will be. */
export interface QueueKinds {
  readonly vhost: string;
  readonly name: string;
  readonly from: FormerKind;
  readonly to: QueueType;
}

/** The policies that NEW will have from OLD. */
export interface NewPolicies {
  readonly policies: readonly Policy[];
  readonly operatorPolicies: readonly Policy[];
}

const typeArgument = "x-queue-type";
const queueTypes: readonly string[] = ["classic", "quorum", "stream"] satisfies QueueType[];

export function isQueueType(type: string): type is QueueType {
  return queueTypes.includes(type);
}

/** @returns the type as OLD's record of the queue has it */
export function typeOf(queue: DefinitionObject): string {
  return textOf(queue["type"]) || textOf(fieldsOf(queue["arguments"])[typeArgument]) || "classic";
}

/** @returns what the queue will be, or why NEW cannot have it */
export function decideQueue(queue: DefinitionObject, context: QueueContext): QueueKinds | Note {
  const type = typeOf(queue);
  const refusal = refusalOf(queue, type, context);
  if (refusal !== undefined) return refusal;
  if (!isQueueType(type))
    return cannot(`is of the type ${type}`, "its client makes it anew when it connects");
  const from = kindOf(queue, type, context);
  return {
    vhost: textOf(queue["vhost"]),
    name: textOf(queue["name"]),
    from,
    to: typeOnNew(queue, from, context),
  };
}

/** @returns the queue as NEW gets it */
export function queueOnNew(queue: DefinitionObject, { to }: QueueKinds, target: Target): DefinitionObject {
  const given = fieldsOf(queue["arguments"]);
  const args = { ...without(given, refusedArguments(given, to, target)), [typeArgument]: to };
  return { ...queue, type: to, arguments: args };
}

/** Whether a queue has a name that only RabbitMQ itself gives, so that no other cluster can be given the queue. */
export function isNamedByServer(name: string): boolean {
  return name.startsWith("amq.");
}

/** @returns why NEW cannot have the queue; undefined if it can */
function refusalOf(queue: DefinitionObject, type: string, { target }: QueueContext): Note | undefined {
  if (isNamedByServer(textOf(queue["name"])))
    return cannot(
      "has a name that the broker gave, so it is not made, and clients do not move before it is empty",
      "RabbitMQ takes no such name from definitions; its client makes a new one when it connects",
      "let its consumers empty it before",
    );
  if (queue["durable"] === true || type !== "classic" || target.permits.includes("transient_nonexcl_queues"))
    return undefined;
  return blocks(
    "is neither durable nor exclusive, so its clients would be refused",
    `RabbitMQ ${target.version} denies such queues unless that is permitted`,
    "add deprecated_features.permit.transient_nonexcl_queues: true to rabbitmq.settings of NEW and run up, or declare it durable",
  );
}

function kindOf(queue: DefinitionObject, type: QueueType, context: QueueContext): FormerKind {
  if (type !== "classic") return type;
  const subject = { vhost: textOf(queue["vhost"]), name: textOf(queue["name"]), type };
  const applied = [context.policies, context.operatorPolicies].map((each) => policyFor(each, subject));
  return applied.some((policy) => policy?.definition["ha-mode"] !== undefined) ? "mirrored" : "classic";
}

/**
 * A client that states no type gets NEW's default, so its queue has to have that. One that states classic finds a quorum
 * queue only with relaxed checks; without mirrors it was of one broker by choice, and stays so.
 */
function typeOnNew(queue: DefinitionObject, from: FormerKind, context: QueueContext): QueueType {
  if (from === "quorum" || from === "stream") return from;
  if (queue["durable"] !== true || queue["auto_delete"] === true) return "classic";
  if (from === "mirrored") return "quorum";
  return isClassicByChoice(queue, context) || context.target.defaultQueueType === "classic"
    ? "classic"
    : "quorum";
}

function isClassicByChoice(queue: DefinitionObject, { vhostsWithType }: QueueContext): boolean {
  const isStated = fieldsOf(queue["arguments"])[typeArgument] === "classic";
  return isStated && !vhostsWithType.has(textOf(queue["vhost"]));
}

export function queueNotes(
  queue: DefinitionObject,
  carried: CarriedQueue,
  context: QueueContext,
  onNew: NewPolicies,
): Note[] {
  const given = fieldsOf(queue["arguments"]);
  if (carried.to === "stream") return [streamNote];
  if (carried.to === "classic") return classicNotes(queue, carried.from, context.target);
  const changes = carried.from === "quorum" ? [] : quorumNotes(given, carried.from, context);
  return [...limitNotes(given, carried, context, onNew), ...changes];
}

/** @returns the arguments that NEW refuses when such a queue is made; most are not compared when it is declared again */
function refusedArguments(given: Fields, to: QueueType, target: Target): string[] {
  const known = Object.values(target.queueTypes).flatMap((each) => each.arguments);
  const refused = Object.keys(given).filter(
    (key) => known.includes(key) && !target.queueTypes[to].arguments.includes(key),
  );
  if (to !== "classic") return refused;
  const isLocatorRefused = !target.permits.includes("queue_master_locator");
  return [...refused, ...(isLocatorRefused ? ["x-queue-master-locator"] : []), ...oldVersion(given, target)];
}

/** RabbitMQ 4.3 knows version 2 of classic queues alone. */
function oldVersion(given: Fields, { version }: Target): string[] {
  return given["x-queue-version"] === 1 && isFrom(version, "4.3") ? ["x-queue-version"] : [];
}

export function isFrom(version: string, series: string): boolean {
  return compareSeries(seriesNameOf(version) ?? "0", series) >= 0;
}

const streamNote = becomes(
  "keeps its messages, and their offsets begin anew",
  "a stream's offsets and times are given by the cluster that stores it",
  "let consumers that keep their position start at the first message in NEW",
);

function quorumNotes(given: Fields, from: FormerKind, { target }: QueueContext): Note[] {
  const notes: Note[] = [
    from === "mirrored"
      ? becomes("mirrored queue → quorum queue", `RabbitMQ ${target.version} has no mirrors`)
      : becomes(
          "classic queue → quorum queue",
          "a client that states no type gets NEW's default, which is quorum",
        ),
  ];
  const isStated = given[typeArgument] === "classic" || target.defaultQueueType === "classic";
  if (isStated && !target.hasRelaxedChecks) notes.push(statedTypeNote);
  const most = numberOf(given["x-max-priority"]);
  if (most !== undefined && most > 0) notes.push(priorityNote(most, target));
  if (given["x-queue-mode"] === "lazy")
    notes.push(becomes("is no longer lazy", "a quorum queue keeps its messages on disk anyway"));
  if (given["x-overflow"] === "reject-publish-dlx") notes.push(overflowNote);
  return notes;
}

const statedTypeNote = blocks(
  "is declared with x-queue-type: classic, so a client that does so again would be refused",
  "a quorum queue takes such a declaration only with relaxed checks",
  "add quorum_queue.property_equivalence.relaxed_checks_on_redeclaration: true to rabbitmq.settings of NEW and run up",
);

export const overflowNote = becomes(
  "x-overflow: reject-publish-dlx → reject-publish; its declaration stays, and an operator policy says so",
  "a quorum queue does not dead-letter what it rejects; the publisher is told by a nack",
  "let publishers send what was rejected elsewhere themselves",
);

function priorityNote(most: number, { version }: Target): Note {
  if (isFrom(version, "4.3"))
    return becomes(
      most > 31 ? "priorities above 31 count as 31" : "keeps strict priorities, all of 0 to 31",
      `quorum queues of RabbitMQ ${version} have 32 levels, and a message without a priority has 4, not 0`,
      "let publishers state each message's priority",
    );
  return becomes(
    "has two priorities, high (5 and more) and normal, served 2 to 1 and no longer strictly",
    `quorum queues have 32 strict levels from RabbitMQ 4.3 on, and two in ${version}`,
    "migrate to 4.3 if the order matters, or use a queue for each priority",
  );
}

/** From RabbitMQ 4.0 on every quorum queue has a delivery limit; before, only one that was given one. */
function limitNotes(
  given: Fields,
  { vhost, name, from, limits }: CarriedQueue,
  { formerVersion, target }: QueueContext,
  { policies }: NewPolicies,
): Note[] {
  const isLimited = isFrom(formerVersion, "4.0") && from === "quorum";
  if (isLimited || !isFrom(target.version, "4.0")) return [];
  const subject = { vhost, name, type: "quorum" } as const;
  const policy = policyFor(policies, subject, target)?.definition ?? target.policy;
  const limit = numberOf(given["x-delivery-limit"]) ?? numberOf(policy["delivery-limit"]) ?? 20;
  if (limit < 0 || (from === "quorum" && given["x-delivery-limit"] !== undefined)) return [];
  const fate = limits.deadLetterExchange === undefined ? "dropped" : "dead-lettered";
  return [
    becomes(
      `a message that is returned more than ${limit} times is ${fate}`,
      "quorum queues have a delivery limit from RabbitMQ 4.0 on",
      "let consumers return no message without end; a policy with delivery-limit sets another limit, and -1 none",
    ),
  ];
}

function classicNotes(queue: DefinitionObject, from: FormerKind, target: Target): Note[] {
  const given = fieldsOf(queue["arguments"]);
  const notes: Note[] = [];
  if (from === "mirrored") {
    const reason = queue["auto_delete"] === true ? "deletes itself" : "is not durable";
    notes.push(
      becomes(
        "mirrored queue → classic queue on one broker, lost while that broker is away",
        `RabbitMQ ${target.version} has no mirrors, and a queue that ${reason} cannot be a quorum queue`,
        "declare it durable and without auto-delete if it has to survive a broker",
      ),
    );
  }
  for (const key of ["x-queue-master-locator", "x-queue-version"]) {
    if (given[key] === undefined || !refusedArguments(given, "classic", target).includes(key)) continue;
    const permit =
      "add deprecated_features.permit.queue_master_locator: true to rabbitmq.settings of NEW and run up, or ";
    notes.push(
      blocks(
        `is declared with ${key}, so a client that does so again would be refused`,
        `RabbitMQ ${target.version} does not take that argument for a classic queue`,
        `${key === "x-queue-version" ? "" : permit}leave the argument out in the client`,
      ),
    );
  }
  return notes;
}

/** @param depths by `queueKey` */
export function carriedOf(
  queue: DefinitionObject,
  kinds: QueueKinds,
  depths: ReadonlyMap<string, QueueDepth>,
  onNew: NewPolicies,
): CarriedQueue {
  const given = fieldsOf(queue["arguments"]);
  const hasPriorities = kinds.from === "classic" || kinds.from === "mirrored";
  return {
    ...kinds,
    depth: depths.get(queueKey(kinds)),
    isDurable: queue["durable"] === true,
    isAutoDelete: queue["auto_delete"] === true,
    hasSingleActiveConsumer: given["x-single-active-consumer"] === true,
    maxPriority: hasPriorities ? numberOf(given["x-max-priority"]) : undefined,
    limits: limitsOf(given, { ...kinds, type: kinds.to }, onNew),
  };
}
