/** Opens new connections all the while and measures how long none is answered. */
import { setTimeout as pause } from "node:timers/promises";
import { brokerAnswers } from "../../testbed/stacks/amqp-handshake.ts";

/** How long a broker may take to answer one connection, and the pause before the next one. */
const timeoutMs = 5000;
const intervalMs = 200;

export class ConnectionMonitor {
  readonly #host: string;
  #isStopped = false;
  #lastAnswer = 0;
  #longestGap = 0;
  #loop: Promise<void> = Promise.resolve();

  constructor(host: string) {
    this.#host = host;
  }

  start(): void {
    this.#lastAnswer = performance.now();
    this.#loop = this.#connectRepeatedly();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  /** @returns the longest time between two answers since the last call, in milliseconds */
  takeLongestGapMs(): number {
    const longest = Math.max(this.#longestGap, performance.now() - this.#lastAnswer);
    this.#longestGap = 0;
    return longest;
  }

  async #connectRepeatedly(): Promise<void> {
    while (!this.#isStopped) {
      if (await brokerAnswers(this.#host, timeoutMs)) {
        this.#longestGap = Math.max(this.#longestGap, performance.now() - this.#lastAnswer);
        this.#lastAnswer = performance.now();
      }
      await pause(intervalMs);
    }
  }
}
