/** A publisher with confirms: what was not confirmed on one connection is published again on the next. */
import { setTimeout as pause } from "node:timers/promises";
import type { ConfirmChannel } from "amqplib";
import { idOf, type Ledger } from "./ledger.ts";
import { insist, type Session, type SessionArgs } from "./session.ts";

/** Bytes of a message. */
const size = 256;

export interface PublisherArgs extends SessionArgs {
  readonly name: string;
  readonly queue: string;
  /** Messages per second, while confirms come. */
  readonly rate: number;
  /** Messages that may wait for their confirm; then no other one is published. */
  readonly window: number;
  readonly ledger: Ledger;
}

export class Publisher {
  readonly #args: PublisherArgs;
  readonly #waiting = new Set<number>();
  /** Given back since no queue took them; the confirm that follows confirms nothing. */
  readonly #returned = new Set<string>();
  #next = 0;
  #stopping = false;
  #deadline = Infinity;

  constructor(args: PublisherArgs) {
    this.#args = args;
  }

  /** Publishes until it is stopped. */
  run(): Promise<void> {
    return insist(this.#args, this.#over, (session) => this.#publish(session));
  }

  /** No new messages; those that wait for their confirm may go on doing so for a while. @param patience seconds */
  stop(patience: number): void {
    this.#stopping = true;
    this.#deadline = performance.now() + patience * 1000;
  }

  readonly #over = (): boolean =>
    performance.now() > this.#deadline || (this.#stopping && this.#waiting.size === 0);

  async #publish({ connection, lost, fail }: Session): Promise<void> {
    const { rate, window, ledger } = this.#args;
    const channel = await connection.createConfirmChannel();
    channel.on("error", fail);
    channel.on("close", () => fail(new Error("the channel is closed")));
    channel.on("return", (message: { readonly properties: { readonly messageId: unknown } }) => {
      this.#returned.add(String(message.properties.messageId));
      ledger.giveBack();
    });
    for (const sequence of [...this.#waiting]) this.#send(channel, sequence, fail);
    while (!this.#over()) {
      await Promise.race([pause(1000 / rate), lost]);
      if (this.#stopping || this.#waiting.size >= window) continue;
      this.#waiting.add(this.#next);
      this.#send(channel, this.#next, fail);
      this.#next += 1;
    }
  }

  #send(channel: ConfirmChannel, sequence: number, fail: (error: Error) => void): void {
    const { name, queue, ledger } = this.#args;
    const messageId = idOf(name, sequence);
    const options = { persistent: true, mandatory: true, messageId };
    channel.sendToQueue(queue, Buffer.alloc(size, messageId), options, (error: unknown) => {
      if (error !== null && error !== undefined) {
        fail(new Error(`${messageId} is not confirmed`));
      } else if (this.#returned.delete(messageId)) {
        fail(new Error(`${messageId} was given back`));
      } else {
        this.#waiting.delete(sequence);
        ledger.confirm(name, sequence, performance.now());
      }
    });
  }
}
