/**
 * Publishes the numbers from 1 to COUNT and prints each when a broker has confirmed it:
 * `AMQP_URI=amqp://… node examples/client/publish.ts [COUNT]`. Numbers that were not confirmed on one connection are
 * published again on the next. So a number may be in the queue twice, and the order is not kept.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import {
  declareQueue,
  closeConnection,
  openConnection,
  queueName,
  log,
  closeTogether,
} from "./connection.ts";

const count = Number(process.argv[2] ?? 1000);
/** Numbers per second. */
const numbersPerSecond = 50;
/** Numbers that may be unconfirmed at a time. A program has to be able to publish these again. */
const maxUnconfirmed = 100;

const unconfirmed = new Set<number>();
/** Ids of messages that the broker returned because no queue took them. It confirms these too. */
const returnedIds = new Set<string>();
let send: ((number: number) => void) | undefined;

async function setUpPublisher(connection: ChannelModel): Promise<void> {
  const channel = await connection.createConfirmChannel();
  closeTogether(connection, channel);
  await declareQueue(channel);
  channel.on("return", ({ properties }) => returnedIds.add(String(properties.messageId)));
  channel.on("close", () => (send = undefined));
  send = (number) => publish(connection, channel, number);
  if (unconfirmed.size > 0) log(`publishing ${unconfirmed.size} numbers again`);
  unconfirmed.forEach(send);
}

function publish(connection: ChannelModel, channel: ConfirmChannel, number: number): void {
  const messageId = String(number);
  const options = { persistent: true, mandatory: true, messageId };
  channel.sendToQueue(queueName, Buffer.from(messageId), options, (error: unknown) => {
    // Rejected, or the channel is closed: the number stays unconfirmed, and the next connection publishes it again.
    if ((error ?? undefined) !== undefined || returnedIds.delete(messageId)) void closeConnection(connection);
    else if (unconfirmed.delete(number)) process.stdout.write(`${messageId}\n`);
  });
}

const connection = await openConnection(setUpPublisher);
for (let number = 1; number <= count;) {
  await pause(1000 / numbersPerSecond);
  if (send === undefined || unconfirmed.size >= maxUnconfirmed) continue;
  unconfirmed.add(number);
  send(number);
  number += 1;
}
while (unconfirmed.size > 0) await pause(100);
await connection.close();
