/** Polling for a condition until a deadline. */
import { setTimeout as pause } from "node:timers/promises";

export interface PollOptions {
  /** Seconds from the first request, after which no further request is made. */
  readonly timeoutSeconds: number;
  /** Milliseconds between an answer and the next request. @default 200 */
  readonly intervalMs?: number;
}

/** Asks until the answer is good or the time is up. @returns the last answer, good or not */
export async function pollUntil<T>(
  { timeoutSeconds, intervalMs = 200 }: PollOptions,
  ask: () => Promise<T>,
  isGood: (answer: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isGood(answer) || performance.now() + intervalMs > deadline) return answer;
    await pause(intervalMs);
  }
}
