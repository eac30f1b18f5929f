/** A client that wants to know at every moment whether it would be served. */
import { answers } from "../labs/greeting.ts";

/** Milliseconds between two tries, and until a try without an answer counts as failed. */
export const interval = 20;
export const timeout = 300;

/**
 * Opens a new connection every 20 ms, whether or not the one before it has been answered, and asks for AMQP in it. A
 * try has been served when a broker's own words come back: a hung balancer takes connections, too.
 */
export class Probe {
  readonly #served: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(host: string) {
    this.#timer = setInterval(() => {
      void answers(host, timeout).then((served) => {
        if (served) this.#served.push(performance.now());
      });
    }, interval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @returns whether there was no gap worth the name for so many milliseconds until now */
  steady(milliseconds: number): boolean {
    const now = performance.now();
    return longestGap(this.#served, now - milliseconds, now) < 500;
  }

  /** @returns seconds of the longest time between two answers, from that moment on until now */
  longest(from: number): number {
    return longestGap(this.#served, from, performance.now()) / 1000;
  }
}

/**
 * @param served moments, in their order
 * @returns the longest time between two of them, or between the last one and `to`; a gap counts whole that began
 *   before `from`
 */
export function longestGap(served: readonly number[], from: number, to: number): number {
  const before = served.findLast((moment) => moment <= from) ?? from;
  const moments = [before, ...served.filter((moment) => moment > from && moment <= to), to];
  return Math.max(...moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment)));
}
