/**
 * Consumes numbers from the queue and prints each once, until it is stopped with Ctrl-C:
 * `AMQP_URI=amqp://… node examples/client/consume.ts`. A number may be delivered more than once, so its processing
 * has to be idempotent. This program remembers the numbers it has seen.
 */
import type { ChannelModel } from "amqplib";
import {
  declareQueue,
  closeConnection,
  openConnection,
  queueName,
  log,
  closeTogether,
} from "./connection.ts";

/** Messages that the broker may deliver before the first of them is acknowledged. */
const prefetchCount = 50;

/** A real program stores this with its results, in the same transaction. */
const seenNumbers = new Set<string>();
let duplicates = 0;

async function setUpConsumer(connection: ChannelModel): Promise<void> {
  const channel = await connection.createChannel();
  closeTogether(connection, channel);
  await declareQueue(channel);
  await channel.prefetch(prefetchCount);
  await channel.consume(queueName, (message) => {
    // The broker has cancelled the consumer, for example because the queue was deleted.
    if (message === null) {
      void closeConnection(connection);
      return;
    }
    handleNumber(message.content.toString());
    // Only after the work is done: an unacknowledged message is delivered again, to any consumer.
    channel.ack(message);
  });
}

function handleNumber(number: string): void {
  if (seenNumbers.has(number)) {
    duplicates += 1;
    return;
  }
  process.stdout.write(`${number}\n`);
  seenNumbers.add(number);
}

const connection = await openConnection(setUpConsumer);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    log(`${seenNumbers.size} numbers, ${duplicates} duplicates`);
    void connection.close();
  });
}
