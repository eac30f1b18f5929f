/** For how long clients would wait if the source were closed now. */
import { type Held, type QueueCount, totalOf } from "./queue-counts.ts";
import { assumedRates, secondsToCarry } from "./rates.ts";

/** Messages per second, as measured; a lower bound, since a shovel may have had nothing to do. */
export interface Rates {
  readonly perQueue?: number;
  readonly together?: number;
  readonly last?: { readonly at: number; readonly messages: ReadonlyMap<string, number> };
}

/** @param now in milliseconds */
export function updateRates(rates: Rates, target: Held, now: number): Rates {
  // A queue that did not answer, now or before, says nothing of how fast it is filled.
  const messages = new Map([
    ...target.queues.flatMap(({ key, messages: count }) =>
      count === undefined ? [] : [[key, count] as const],
    ),
    ...target.streams.flatMap(({ key, last }) => (last === undefined ? [] : [[key, last + 1] as const])),
  ]);
  const { last } = rates;
  if (last === undefined || now <= last.at) return { ...rates, last: { at: now, messages } };
  const seconds = (now - last.at) / 1000;
  const gains = [...messages].map(
    ([key, count]) => Math.max(0, count - (last.messages.get(key) ?? count)) / seconds,
  );
  return {
    perQueue: Math.max(rates.perQueue ?? 0, ...gains),
    together: Math.max(
      rates.together ?? 0,
      gains.reduce((sum, gain) => sum + gain, 0),
    ),
    last: { at: now, messages },
  };
}

export function estimateGap(
  source: readonly QueueCount[],
  rates: Rates,
): { readonly seconds: number; readonly slowest: string } {
  const messagesPerSecondOfQueue = Math.max(rates.perQueue ?? 0, assumedRates.messagesPerSecondOfQueue);
  const messagesPerSecond = Math.max(
    rates.together ?? 0,
    assumedRates.messagesPerSecond,
    messagesPerSecondOfQueue,
  );
  const largest = source.reduce<QueueCount | undefined>(
    (most, queue) => ((queue.messages ?? 0) > (most?.messages ?? 0) ? queue : most),
    undefined,
  );
  // Bytes are not asked for while clients use the source.
  const amount = { messages: totalOf(source), messagesOfLargest: largest?.messages ?? 0, bytes: 0 };
  const carrying = secondsToCarry(amount, { ...assumedRates, messagesPerSecondOfQueue, messagesPerSecond });
  const seconds = assumedRates.switchSeconds + carrying;
  const why = largest?.consumers === 0 ? "" : `, ${String(largest?.consumers ?? "unknown")} consumers`;
  return {
    seconds,
    slowest: largest === undefined ? "nothing" : `${largest.name} (${largest.messages ?? 0}${why})`,
  };
}
