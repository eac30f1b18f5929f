/** Messages that must survive a change of a stack. */
import type amqp from "amqplib";

/**
 * Publishes the messages to a durable queue of the given type, waits for the confirms and closes the connection. A quorum
 * queue gets a member on every broker: with three members of five brokers, a test might remove the brokers of two.
 */
export async function publish(
  connection: amqp.ChannelModel,
  queue: string,
  messages: readonly string[],
  type: "classic" | "quorum" = "classic",
): Promise<void> {
  const channel = await connection.createConfirmChannel();
  const everywhere = type === "quorum" ? { "x-quorum-initial-group-size": 7 } : {};
  await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": type, ...everywhere } });
  for (const message of messages) channel.sendToQueue(queue, Buffer.from(message), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

/** Deletes a queue with its messages and closes the connection. A missing queue is no error. */
export async function deleteQueue(connection: amqp.ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createChannel();
  await channel.deleteQueue(queue);
  await connection.close();
}

/** Reads all messages of a queue, leaves them there and closes the connection. @returns the messages in order */
export async function readMessages(connection: amqp.ChannelModel, queue: string): Promise<string[]> {
  const channel = await connection.createChannel();
  const found: string[] = [];
  for (;;) {
    const message = await channel.get(queue);
    if (message === false) break;
    found.push(message.content.toString());
  }
  // Closing without acknowledgements returns them to the queue in order.
  await connection.close();
  return found;
}
