/** Messages that are to outlive what is done to a stack. */
import type amqp from "amqplib";

/**
 * Puts the messages, confirmed, into a durable queue of the type, and closes the connection. A quorum queue has a member
 * on every broker: three of five would be any three, and two of them may be those that a test takes away.
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

/** Deletes a queue, with what is in it; none is no error. Closes the connection. */
export async function remove(connection: amqp.ChannelModel, queue: string): Promise<void> {
  const channel = await connection.createChannel();
  await channel.deleteQueue(queue);
  await connection.close();
}

/** Takes everything out of a queue, and closes the connection. @returns what was in it, in order */
export async function contents(connection: amqp.ChannelModel, queue: string): Promise<string[]> {
  const channel = await connection.createChannel();
  const found: string[] = [];
  for (;;) {
    const message = await channel.get(queue);
    if (message === false) break;
    found.push(message.content.toString());
  }
  // Closing without an acknowledgement returns them to the queue in their order.
  await connection.close();
  return found;
}
