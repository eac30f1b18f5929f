/**
 * Publishes the numbers from 1 to COUNT and prints each when a broker has confirmed it:
 * `AMQP_URI=amqp://… node examples/client/publish.ts [COUNT]`. What was not confirmed on one connection is published
 * again on the next, so a number may be in the queue twice, and the order is not kept.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { declare, giveUp, open, queue, say, together } from "./connection.ts";

const count = Number(process.argv[2] ?? 1000);
/** Numbers per second. */
const rate = 50;
/** Numbers that may wait for their confirm: what a program must be able to publish again. */
const window = 100;

const unconfirmed = new Set<number>();
/** Given back, since no queue took them. The broker confirms these too. */
const returned = new Set<string>();
let send: ((number: number) => void) | undefined;

async function setup(connection: ChannelModel): Promise<void> {
  const channel = await connection.createConfirmChannel();
  together(connection, channel);
  await declare(channel);
  channel.on("return", ({ properties }) => returned.add(String(properties.messageId)));
  channel.on("close", () => (send = undefined));
  send = (number) => publish(connection, channel, number);
  if (unconfirmed.size > 0) say(`publishing ${unconfirmed.size} numbers again`);
  unconfirmed.forEach(send);
}

function publish(connection: ChannelModel, channel: ConfirmChannel, number: number): void {
  const messageId = String(number);
  const options = { persistent: true, mandatory: true, messageId };
  channel.sendToQueue(queue, Buffer.from(messageId), options, (error: unknown) => {
    // Refused, or the channel is gone: it stays among the unconfirmed ones, and the next connection publishes it.
    if ((error ?? undefined) !== undefined || returned.delete(messageId)) void giveUp(connection);
    else if (unconfirmed.delete(number)) process.stdout.write(`${messageId}\n`);
  });
}

const connection = await open(setup);
for (let number = 1; number <= count;) {
  await pause(1000 / rate);
  if (send === undefined || unconfirmed.size >= window) continue;
  unconfirmed.add(number);
  send(number);
  number += 1;
}
while (unconfirmed.size > 0) await pause(100);
await connection.close();
