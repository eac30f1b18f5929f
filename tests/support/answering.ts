/** Whether new connections are answered, asked all the while. */
import { setTimeout as pause } from "node:timers/promises";
import { answers } from "../../testbed/labs/greeting.ts";

/** Milliseconds that one connection may take to be answered by a broker, and from one to the next. */
const patience = 5000;
const interval = 200;

export class Answering {
  readonly #host: string;
  #over = false;
  #since = 0;
  #longest = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(host: string) {
    this.#host = host;
  }

  start(): void {
    this.#since = performance.now();
    this.#work = this.#ask();
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#work;
  }

  /** @returns the longest time between two answers since the last call, in milliseconds */
  longestGap(): number {
    const longest = Math.max(this.#longest, performance.now() - this.#since);
    this.#longest = 0;
    return longest;
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      if (await answers(this.#host, patience)) {
        this.#longest = Math.max(this.#longest, performance.now() - this.#since);
        this.#since = performance.now();
      }
      await pause(interval);
    }
  }
}
