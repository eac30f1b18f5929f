/** How fast messages are carried, as long as it was not measured, and for how long they then take. */

export interface CarryRates {
  /** Messages per second of one queue, which one shovel carries. */
  readonly messagesPerSecondOfQueue: number;
  /** Messages per second of all queues together. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * All together: what the quorum queues of three brokers on two cores took (docs/bench.md). Publishers and consumers that
 * work meanwhile take their share of it; larger machines do more. One shovel was faster on any machine that was tried.
 */
export const assumedRates = {
  messagesPerSecondOfQueue: 1000,
  messagesPerSecond: 1500,
  bytesPerSecond: 20_000_000,
  /** To make a queue and its shovel. */
  secondsPerQueue: 0.2,
  /** To end the connections, ask for the counts, and load the balancers' configuration. */
  switchSeconds: 2,
} satisfies CarryRates & Record<string, number>;

export interface CarriedAmount {
  readonly messages: number;
  /** In the queue that has most. */
  readonly messagesOfLargest: number;
  readonly bytes: number;
}

export function secondsToCarry(amount: CarriedAmount, rates: CarryRates): number {
  return Math.max(
    amount.messagesOfLargest / rates.messagesPerSecondOfQueue,
    amount.messages / rates.messagesPerSecond,
    amount.bytes / rates.bytesPerSecond,
  );
}
