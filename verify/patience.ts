/** Waiting for a condition, never longer than to a deadline. */
import { setTimeout as pause } from "node:timers/promises";

export interface Patience {
  /** Seconds from the first question after which no other one is asked. */
  readonly seconds: number;
  /** Milliseconds between an answer and the next question. @default 200 */
  readonly between?: number;
}

/** Asks until the answer is good. @returns the last answer, good or not */
export async function until<T>(
  { seconds, between = 200 }: Patience,
  ask: () => Promise<T>,
  good: (answer: T) => boolean,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (good(answer) || performance.now() + between > deadline) return answer;
    await pause(between);
  }
}
