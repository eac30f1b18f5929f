/**
 * What a migration makes of a cluster. `translate` (translate.ts) writes a `Plan` from OLD's definitions alone; it is pure.
 *
 * Who carries it out:
 * 1. begins only if no finding of the plan is blocking;
 * 2. gives NEW `definitions`: `compareDefinitions(plan.definitions, present, own)` says what of it NEW lacks, and
 *    `giveDefinitions` gives it, as restore does. They are without OLD's administrator, OLD's policy and the notes of the
 *    program, so what NEW's own stack has stays; and NEW's note of its own `definitions` does not name them, so its next
 *    `up` does not remove them;
 * 3. carries `queues`, each from OLD's queue of that name to NEW's, which then exists;
 * 4. gives NEW `later` once OLD sends nothing any more: those objects fetch or send messages by themselves.
 */
import type { Definitions, Entry } from "../definitions/exported-definitions.ts";

/** What a queue is in the old cluster; `mirrored` is classic with mirrors. */
export type FormerKind = "mirrored" | "classic" | "quorum" | "stream";

/** What a queue is in the new cluster. */
export type QueueType = "classic" | "quorum" | "stream";

/** What a queue held when it was asked. */
export interface QueueDepth {
  readonly ready: number;
  /** With consumers, not yet acknowledged; they are ready again once their consumers are gone. */
  readonly unacknowledged: number;
  readonly consumers: number;
  /** Of the messages' bodies; 0 for a stream, which does not tell. */
  readonly bytes: number;
}

/** What a queue does with messages and with itself, from its arguments or its policy on NEW, whichever is stricter. */
export interface QueueLimits {
  /** The time to live of each message, in milliseconds. It begins anew in NEW. */
  readonly ttlMs?: number;
  /** After how long without consumers and declarations the queue is deleted, in milliseconds. */
  readonly expiresMs?: number;
  readonly maxLength?: number;
  readonly maxBytes?: number;
  /** What is done at those limits. @default drop-head */
  readonly overflow?: string;
  readonly deadLetterExchange?: string;
}

export interface CarriedQueue {
  readonly vhost: string;
  readonly name: string;
  readonly from: FormerKind;
  readonly to: QueueType;
  /** Undefined where no broker was asked. */
  readonly depth: QueueDepth | undefined;
  readonly isDurable: boolean;
  /** OLD deletes it, with its messages, once its last consumer has gone: a shovel has to consume before that. */
  readonly isAutoDelete: boolean;
  /** One consumer at a time gets messages (`x-single-active-consumer`). */
  readonly hasSingleActiveConsumer: boolean;
  /** The highest priority in OLD; undefined where all messages are equal. Their order then is not that of publishing. */
  readonly maxPriority: number | undefined;
  readonly limits: QueueLimits;
}

/** How an object comes to NEW. Those that move as they are have no finding. */
export type Outcome = "becomes" | "cannot";

/** A thing that somebody should know before the migration. */
export interface Finding {
  readonly outcome: Outcome;
  /** Whether the migration must not begin before it is remedied. */
  readonly isBlocking: boolean;
  /** The objects that it is about, by the names that messages have for them; empty if it is about a cluster. */
  readonly subjects: readonly string[];
  /** What is or becomes of them. */
  readonly what: string;
  readonly why: string;
  /** What to do; undefined if nothing has to be done. */
  readonly remedy: string | undefined;
}

export interface Plan {
  /** For NEW, before the move, in an order in which each finds what it needs; with OLD's version. */
  readonly definitions: Definitions;
  /** For NEW, once OLD sends nothing any more. */
  readonly later: Definitions;
  readonly queues: readonly CarriedQueue[];
  /** The objects of `definitions` that are as they were. */
  readonly moves: readonly Entry[];
  readonly findings: readonly Finding[];
}

/** What a type of queue takes, as the broker itself says. */
export interface TypeAbilities {
  /** The arguments that it knows. One of another type is refused at the declaration, one of no type is ignored. */
  readonly arguments: readonly string[];
  /** A policy with one of these keys is not applied to such a queue at all. */
  readonly unsupportedPolicyKeys: readonly string[];
}

/** What the translator has to know of NEW. */
export interface Target {
  /** Such as `4.3.6`. */
  readonly version: string;
  /** What a queue without a type becomes there. */
  readonly defaultQueueType: QueueType;
  /** `quorum_queue.property_equivalence.relaxed_checks_on_redeclaration`. */
  readonly hasRelaxedChecks: boolean;
  /** The deprecated features that it permits, such as `transient_nonexcl_queues`. */
  readonly permits: readonly string[];
  readonly exchangeTypes: readonly string[];
  /** The components of parameters, such as `shovel`. */
  readonly components: readonly string[];
  readonly policyKeys: readonly string[];
  readonly queueTypes: Readonly<Record<QueueType, TypeAbilities>>;
  readonly adminUser: string;
  /** What the stack's own policy says of queues that have no other. */
  readonly policy: Readonly<Record<string, unknown>>;
}

/** What the translator has to know of OLD beyond its definitions. */
export interface Origin {
  /** What is its stack's own, and stays. */
  readonly adminUser: string;
  readonly policyName: string;
  /** By `queueKey`: what each queue holds; empty where no broker was asked. */
  readonly depths: ReadonlyMap<string, QueueDepth>;
}

/** @returns a text that only this queue has */
export function queueKey({ vhost, name }: { readonly vhost: string; readonly name: string }): string {
  return JSON.stringify([vhost, name]);
}

export function queueOf(key: string): { readonly vhost: string; readonly name: string } {
  const [vhost = "", name = ""] = JSON.parse(key) as string[];
  return { vhost, name };
}
