/** A consumer that acknowledges by hand, and comes back after every error. */
import type { Ledger } from "./ledger.ts";
import { insist, type Session, type SessionArgs } from "./session.ts";

/** Messages that the broker may hand out before the first of them is acknowledged. */
const prefetch = 50;

export interface ConsumerArgs extends SessionArgs {
  readonly queue: string;
  readonly ledger: Ledger;
}

export class Consumer {
  readonly #args: ConsumerArgs;
  readonly #stopped = Promise.withResolvers<undefined>();
  #over = false;

  constructor(args: ConsumerArgs) {
    this.#args = args;
  }

  /** Consumes until it is stopped. */
  run(): Promise<void> {
    return insist(
      this.#args,
      () => this.#over,
      (session) => this.#consume(session),
    );
  }

  stop(): void {
    this.#over = true;
    this.#stopped.resolve(undefined);
  }

  async #consume({ connection, fail }: Session): Promise<void> {
    const { queue, ledger } = this.#args;
    const channel = await connection.createChannel();
    channel.on("error", fail);
    channel.on("close", () => fail(new Error("the channel is closed")));
    await channel.prefetch(prefetch);
    // A consumer on a queue that hangs waits here, and is stopped all the same.
    const consuming = channel.consume(queue, (message) => {
      if (message === null) {
        fail(new Error("the broker has ended the consumer"));
        return;
      }
      ledger.receive(String(message.properties.messageId));
      channel.ack(message);
    });
    await Promise.race([consuming, this.#stopped.promise]);
    await this.#stopped.promise;
  }
}
