/**
 * Takes numbers from the queue and prints each once, until it is stopped with Ctrl-C:
 * `AMQP_URI=amqp://… node examples/client/consume.ts`. A number may come more than once, so what is done with it has to
 * be idempotent: this program remembers what it has seen.
 */
import type { ChannelModel } from "amqplib";
import { declare, giveUp, open, queue, say, together } from "./connection.ts";

/** Messages that the broker may hand out before the first of them is acknowledged. */
const prefetch = 50;

/** A real program keeps this where it keeps the result, and in the same transaction. */
const seen = new Set<string>();
let duplicates = 0;

async function setup(connection: ChannelModel): Promise<void> {
  const channel = await connection.createChannel();
  together(connection, channel);
  await declare(channel);
  await channel.prefetch(prefetch);
  await channel.consume(queue, (message) => {
    // The broker has ended the subscription, because the queue is gone say.
    if (message === null) {
      void giveUp(connection);
      return;
    }
    take(message.content.toString());
    // When the work is done, never before: what was not acknowledged is delivered again, to anybody.
    channel.ack(message);
  });
}

function take(number: string): void {
  if (seen.has(number)) {
    duplicates += 1;
    return;
  }
  process.stdout.write(`${number}\n`);
  seen.add(number);
}

const connection = await open(setup);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    say(`${seen.size} numbers, ${duplicates} duplicates`);
    void connection.close();
  });
}
