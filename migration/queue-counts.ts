/** What the queues of a cluster hold, as its brokers count. */

import type { StreamTail } from "./streams.ts";

/** A queue that is no client's own (exclusive); of a stream, what is left of it. */
export interface QueueCount {
  readonly key: string;
  readonly vhost: string;
  readonly name: string;
  /** Ready and unacknowledged ones together; undefined where no whole answer came. */
  readonly messages: number | undefined;
  /** Without those of the migration; undefined where no whole answer came. */
  readonly consumers: number | undefined;
}

/** What a cluster holds. */
export interface Held {
  readonly queues: readonly QueueCount[];
  readonly streams: readonly StreamTail[];
}

/** What a cluster whose brokers do not all have to run holds. */
export interface Counted extends Held {
  /** The hosts of the brokers that do not run. */
  readonly away: readonly string[];
}

export function totalOf(queues: readonly QueueCount[]): number {
  return queues.reduce((sum, { messages = 0 }) => sum + messages, 0);
}

export function unknownOf(queues: readonly QueueCount[]): QueueCount[] {
  return queues.filter(({ messages }) => messages === undefined);
}

/** @returns whether each queue holds nothing @throws if one does not say what it holds, and no other one holds something */
export function areSurelyEmpty(queues: readonly QueueCount[]): boolean {
  if (totalOf(queues) > 0) return false;
  const [silent] = unknownOf(queues);
  if (silent !== undefined) throw new Error(`no answer for ${silent.name}, so it may hold messages`);
  return true;
}

/** @returns whether each queue has said that it holds nothing */
export function areEmpty(queues: readonly QueueCount[]): boolean {
  return queues.every(({ messages }) => messages === 0);
}
