/** Measures at short intervals whether new clients are served. */
import { brokerAnswers } from "../stacks/amqp-handshake.ts";

/** Milliseconds between two attempts, and until an attempt without an answer counts as failed. */
export const intervalMs = 20;
export const timeoutMs = 300;

/**
 * Opens a new connection every 20 ms, even when the one before has no answer yet, and starts the AMQP handshake. An
 * attempt is served when the broker itself answers: a hung balancer accepts connections, too.
 */
export class ServiceProbe {
  readonly #servedAt: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(host: string) {
    this.#timer = setInterval(() => {
      void brokerAnswers(host, timeoutMs).then((served) => {
        if (served) this.#servedAt.push(performance.now());
      });
    }, intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @returns whether no gap of 500 ms or more occurred within the last so many milliseconds */
  isSteady(milliseconds: number): boolean {
    const now = performance.now();
    return longestGapMs(this.#servedAt, now - milliseconds, now) < 500;
  }

  /** @returns the longest time between two answers since `from`, in seconds */
  longestGapSeconds(from: number): number {
    return longestGapMs(this.#servedAt, from, performance.now()) / 1000;
  }
}

/**
 * @param served times of the answers, ascending
 * @returns the longest time between two of them, or between the last one and `to`. A gap that began before `from`
 *   counts in full
 */
export function longestGapMs(served: readonly number[], from: number, to: number): number {
  const before = served.findLast((moment) => moment <= from) ?? from;
  const moments = [before, ...served.filter((moment) => moment > from && moment <= to), to];
  return Math.max(...moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment)));
}
