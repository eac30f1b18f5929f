/** A publisher with confirms. Messages that were not confirmed on one connection are published again on the next. */
import { setTimeout as pause } from "node:timers/promises";
import type { ConfirmChannel } from "amqplib";
import { messageIdOf, type Ledger } from "./ledger.ts";
import { runWithReconnect, type Session, type SessionArgs } from "./session.ts";

/** Bytes of a message. */
const messageBytes = 256;

export interface PublisherArgs extends SessionArgs {
  readonly name: string;
  readonly queue: string;
  /** Messages per second, while confirms arrive. */
  readonly messagesPerSecond: number;
  /** Messages that may be unconfirmed; at this number no other one is published. */
  readonly maxUnconfirmed: number;
  readonly ledger: Ledger;
}

export class Publisher {
  readonly #args: PublisherArgs;
  readonly #unconfirmed = new Set<number>();
  /** Ids of messages returned because no queue took them; the confirm that follows does not count. */
  readonly #returnedIds = new Set<string>();
  #nextSequence = 0;
  #isStopping = false;
  #deadline = Infinity;

  constructor(args: PublisherArgs) {
    this.#args = args;
  }

  /** Publishes until it is stopped. */
  run(): Promise<void> {
    return runWithReconnect(this.#args, this.#isDone, (session) => this.#publish(session));
  }

  /** Publishes no new messages. @param timeoutSeconds to wait for the open confirms */
  stop(timeoutSeconds: number): void {
    this.#isStopping = true;
    this.#deadline = performance.now() + timeoutSeconds * 1000;
  }

  readonly #isDone = (): boolean =>
    performance.now() > this.#deadline || (this.#isStopping && this.#unconfirmed.size === 0);

  async #publish({ connection, lost, fail }: Session): Promise<void> {
    const { messagesPerSecond, maxUnconfirmed, ledger } = this.#args;
    const channel = await connection.createConfirmChannel();
    channel.on("error", fail);
    channel.on("close", () => fail(new Error("the channel is closed")));
    channel.on("return", (message: { readonly properties: { readonly messageId: unknown } }) => {
      this.#returnedIds.add(String(message.properties.messageId));
      ledger.countReturned();
    });
    for (const sequence of [...this.#unconfirmed]) this.#send(channel, sequence, fail);
    while (!this.#isDone()) {
      await Promise.race([pause(1000 / messagesPerSecond), lost]);
      if (this.#isStopping || this.#unconfirmed.size >= maxUnconfirmed) continue;
      this.#unconfirmed.add(this.#nextSequence);
      this.#send(channel, this.#nextSequence, fail);
      this.#nextSequence += 1;
    }
  }

  #send(channel: ConfirmChannel, sequence: number, fail: (error: Error) => void): void {
    const { name, queue, ledger } = this.#args;
    const messageId = messageIdOf(name, sequence);
    const options = { persistent: true, mandatory: true, messageId };
    channel.sendToQueue(queue, Buffer.alloc(messageBytes, messageId), options, (error: unknown) => {
      if (error !== null && error !== undefined) {
        fail(new Error(`${messageId} is not confirmed`));
      } else if (this.#returnedIds.delete(messageId)) {
        fail(new Error(`${messageId} was returned`));
      } else {
        this.#unconfirmed.delete(sequence);
        ledger.confirm(name, sequence, performance.now());
      }
    });
  }
}
