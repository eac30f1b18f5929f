/** One connection through the virtual address. It reconnects after every loss. */
import { type Channel, type ChannelModel, connect, type RecoveringChannelModel } from "amqplib";

export const queueName = "example";

/**
 * Seconds. A client that waits for a confirm or a message sends nothing. It notices a dead connection only by missing
 * heartbeats, after two of these intervals at most.
 */
const heartbeatSeconds = 5;
/** Milliseconds in which a connection has to be established. */
const connectTimeoutMs = 5000;
/** Milliseconds between two attempts, first and longest. They grow, to not overload a starting broker. */
const reconnectDelaysMs = { initialDelay: 200, maxDelay: 5000 };

/** Logs to standard error; standard output is for the numbers. */
export function log(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}

/**
 * @param setup creates channels and all else that is lost with a connection; runs on each new connection
 * @returns at once, even while no broker can be reached
 */
export async function openConnection(
  setup: (connection: ChannelModel) => Promise<void>,
): Promise<RecoveringChannelModel> {
  const { AMQP_URI } = process.env;
  if (AMQP_URI === undefined) throw new Error("AMQP_URI is not set; set it to amqp://USER:PASSWORD@ADDRESS");
  const uri = new URL(AMQP_URI);
  uri.searchParams.set("heartbeat", String(heartbeatSeconds));
  const recovering = await connect(uri.href, {
    timeout: connectTimeoutMs,
    noDelay: true,
    recovery: {
      ...reconnectDelaysMs,
      waitForConnect: false,
      setup: async (connection: ChannelModel) => {
        connection.on("error", () => undefined);
        await setup(connection);
      },
    },
  });
  // Every error of a connection also ends it, and `disconnect` reports the reason.
  recovering.on("error", () => undefined);
  recovering.on("connect", () => log("connected"));
  recovering.on("disconnect", (error) => log(`connection lost: ${error.message}`));
  recovering.on("connect-failed", (error) => log(`no connection: ${error.message}`));
  recovering.on("blocked", (reason) => log(`the broker blocks publishers: ${reason}`));
  return recovering;
}

/** Closes the connection when only its channel is closed, such as by a protocol error. A new connection follows. */
export function closeTogether(connection: ChannelModel, channel: Channel): void {
  channel.on("error", (error) => log(`channel lost: ${error.message}`));
  channel.on("close", () => void closeConnection(connection));
}

/** Closes a connection whose state is unknown. The client then reconnects by itself. */
export async function closeConnection(connection: ChannelModel): Promise<void> {
  try {
    await connection.close();
  } catch {
    // It is already closed.
  }
}

/** Declares the queue. The first client creates it; all clients have to declare it with the same arguments. */
export async function declareQueue(channel: Channel): Promise<void> {
  // Without this argument it is a classic queue, mirrored by the stack's policy (RabbitMQ 3 only).
  await channel.assertQueue(queueName, { durable: true, arguments: { "x-queue-type": "quorum" } });
}
