/** How long the messages of a plan take. */
import type { CarriedQueue } from "./plan.ts";

/**
 * What is assumed: what the quorum queues of three brokers on two cores took together (docs/bench.md). Publishers and
 * consumers that work meanwhile take their share of it; larger machines do more.
 */
export const assumedRates = { messagesPerSecond: 1500, bytesPerSecond: 20_000_000, secondsPerQueue: 0.2 };

export interface Estimate {
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
}

export function estimateOf(queues: readonly CarriedQueue[]): Estimate {
  const sum = (pick: (queue: CarriedQueue) => number): number =>
    queues.reduce((total, queue) => total + pick(queue), 0);
  const messages = sum(({ depth }) => (depth === undefined ? 0 : depth.ready + depth.unacknowledged));
  const bytes = sum(({ depth }) => depth?.bytes ?? 0);
  const { messagesPerSecond, bytesPerSecond, secondsPerQueue } = assumedRates;
  const carrying = Math.max(messages / messagesPerSecond, bytes / bytesPerSecond);
  return { messages, bytes, seconds: Math.ceil(carrying + queues.length * secondsPerQueue) };
}
