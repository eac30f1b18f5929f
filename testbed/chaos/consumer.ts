/** A consumer with manual acknowledgements that reconnects after every error. */
import type { ConsumeMessage } from "amqplib";
import type { Ledger } from "./ledger.ts";
import { runWithReconnect, type Session, type SessionArgs } from "./session.ts";

/** Messages that the broker may deliver before the first of them is acknowledged. */
const prefetchCount = 50;

export interface ConsumerArgs extends SessionArgs {
  readonly queue: string;
  readonly ledger: Ledger;
  /** The consumer's own, such as where in a stream it begins. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export class Consumer {
  readonly #args: ConsumerArgs;
  readonly #stopped = Promise.withResolvers<undefined>();
  #isStopped = false;

  constructor(args: ConsumerArgs) {
    this.#args = args;
  }

  /** Consumes until it is stopped. */
  run(): Promise<void> {
    return runWithReconnect(
      this.#args,
      () => this.#isStopped,
      (session) => this.#consume(session),
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve(undefined);
  }

  async #consume({ connection, fail }: Session): Promise<void> {
    const { queue, ledger, arguments: given = {} } = this.#args;
    const channel = await connection.createChannel();
    channel.on("error", fail);
    channel.on("close", () => fail(new Error("the channel is closed")));
    await channel.prefetch(prefetchCount);
    // On a queue that hangs this waits; stop() ends it all the same.
    const receive = (message: ConsumeMessage | null): void => {
      if (message === null) {
        fail(new Error("the broker has cancelled the consumer"));
        return;
      }
      ledger.receive(String(message.properties.messageId));
      channel.ack(message);
    };
    const consuming = channel.consume(queue, receive, { arguments: given });
    await Promise.race([consuming, this.#stopped.promise]);
    await this.#stopped.promise;
  }
}
