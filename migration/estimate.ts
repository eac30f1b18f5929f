/** How long the messages of a plan take. */
import type { CarriedQueue } from "./plan.ts";
import { assumedRates, secondsToCarry } from "./rates.ts";

export interface Estimate {
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
}

export function estimateOf(queues: readonly CarriedQueue[]): Estimate {
  const held = queues.map(({ depth }) => (depth === undefined ? 0 : depth.ready + depth.unacknowledged));
  const messages = held.reduce((sum, each) => sum + each, 0);
  const bytes = queues.reduce((sum, { depth }) => sum + (depth?.bytes ?? 0), 0);
  const carrying = secondsToCarry({ messages, messagesOfLargest: Math.max(0, ...held), bytes }, assumedRates);
  return { messages, bytes, seconds: Math.ceil(carrying + queues.length * assumedRates.secondsPerQueue) };
}
