/** One connection through the virtual address that is made again after every loss. */
import { type Channel, type ChannelModel, connect, type RecoveringChannelModel } from "amqplib";

export const queue = "example";

/**
 * Seconds. A client that waits for a confirm, or for a message, sends nothing; it learns of a connection that fell
 * silent only from its heartbeats, after two of these at most.
 */
const heartbeat = 5;
/** Milliseconds that a connection may take to be made. */
const patience = 5000;
/** Milliseconds between two tries: at first, and at most. They grow, so that a broker that comes up is not stormed. */
const pauses = { initialDelay: 200, maxDelay: 5000 };

/** Says what happens on standard error; standard output is for the numbers. */
export function say(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}

/**
 * @param setup makes channels, and whatever else is lost with a connection; runs on each new one
 * @returns at once, also while no broker can be reached
 */
export async function open(
  setup: (connection: ChannelModel) => Promise<void>,
): Promise<RecoveringChannelModel> {
  const { AMQP_URI } = process.env;
  if (AMQP_URI === undefined)
    throw new Error("AMQP_URI is not set: write amqp://USER:PASSWORD@ADDRESS into it");
  const uri = new URL(AMQP_URI);
  uri.searchParams.set("heartbeat", String(heartbeat));
  const recovering = await connect(uri.href, {
    timeout: patience,
    noDelay: true,
    recovery: {
      ...pauses,
      waitForConnect: false,
      setup: async (connection: ChannelModel) => {
        connection.on("error", () => undefined);
        await setup(connection);
      },
    },
  });
  // Whatever goes wrong with a connection ends it, and `disconnect` says why.
  recovering.on("error", () => undefined);
  recovering.on("connect", () => say("connected"));
  recovering.on("disconnect", (error) => say(`connection lost: ${error.message}`));
  recovering.on("connect-failed", (error) => say(`no connection: ${error.message}`));
  recovering.on("blocked", (reason) => say(`the broker takes no messages for now: ${reason}`));
  return recovering;
}

/** A channel that is closed alone, after a protocol error say, takes its connection with it: then all is made anew. */
export function together(connection: ChannelModel, channel: Channel): void {
  channel.on("error", (error) => say(`channel lost: ${error.message}`));
  channel.on("close", () => void giveUp(connection));
}

/** Closes a connection, of which nothing is known any more; the next one follows by itself. */
export async function giveUp(connection: ChannelModel): Promise<void> {
  try {
    await connection.close();
  } catch {
    // It was closed already.
  }
}

/** Declares the queue. Whoever comes first makes it; a queue that is there must have been declared alike. */
export async function declare(channel: Channel): Promise<void> {
  // Without this argument it is a classic queue, which the stack's policy mirrors (RabbitMQ 3 only).
  await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
}
