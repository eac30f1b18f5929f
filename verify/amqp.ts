/** AMQP connections that end by a deadline, whatever the broker does. */
import { type ChannelModel, connect } from "amqplib";

/** Connections that live as long as the work they are for. */
export type Open = () => Promise<ChannelModel>;

/**
 * Runs work that opens connections, and closes them. At the deadline their sockets are destroyed, so that the work
 * ends too: a broker with an alarm in force, say, takes a publisher's message and never answers, not even to a close.
 * @param seconds for all of it
 * @throws what the work throws, or that the deadline has passed
 */
export async function withConnections<T>(
  uri: string,
  seconds: number,
  work: (open: Open) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(seconds * 1000);
  const connections: ChannelModel[] = [];
  const open: Open = async () => {
    // net.connect, to which amqplib hands its socket options, destroys the socket when the signal fires.
    const options = { signal: deadline, timeout: seconds * 1000, noDelay: true };
    const connection = await connect(uri, options);
    // The work hears of a lost connection from what it waits for; unheard, the event would end the process.
    connection.on("error", () => undefined);
    connections.push(connection);
    return connection;
  };
  try {
    return await work(open);
  } catch (error) {
    throw deadline.aborted ? new Error(`not done after ${seconds} s`) : error;
  } finally {
    // One that is closed already says so, and one that cannot be is cut off by the deadline.
    await Promise.allSettled(connections.map((connection) => connection.close()));
  }
}
