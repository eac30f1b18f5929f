/** AMQP connections that end by a deadline, whatever the broker does. */
import { setTimeout as pause } from "node:timers/promises";
import { type ChannelModel, connect } from "amqplib";
import { Refusal } from "./finding.ts";
import { adminName } from "../hosts/resource-names.ts";

/** Milliseconds that closing may take; a broker that does not read from a connection does not see it close. */
const farewell = 1000;

/** Connections that live as long as the work they are for. */
export type Open = () => Promise<ChannelModel>;

/**
 * Runs work that opens connections, and closes them. At the deadline their sockets are destroyed, so that the work
 * ends too: a broker with an alarm in force, say, takes a publisher's message and never answers, not even to a close.
 * @param seconds for all of it
 * @throws what the work throws, or that the deadline has passed; Refusal when the administrator is not let in
 */
export async function withConnections<T>(
  uri: string,
  seconds: number,
  work: (open: Open) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(seconds * 1000);
  const done = new AbortController();
  const connections: ChannelModel[] = [];
  const open: Open = async () => {
    // net.connect, to which amqplib hands its socket options, destroys the socket when the signal fires.
    const options = {
      signal: AbortSignal.any([deadline, done.signal]),
      timeout: seconds * 1000,
      noDelay: true,
    };
    const connection = await connect(uri, options);
    // The work hears of a lost connection from what it waits for; unheard, the event would end the process.
    connection.on("error", () => undefined);
    connections.push(connection);
    return connection;
  };
  try {
    return await work(open);
  } catch (error) {
    deadline.throwIfAborted();
    if (error instanceof Error && error.message.includes("ACCESS-REFUSED")) {
      throw new Refusal("the brokers refuse the stack's user or password (AMQP 403)", adminName);
    }
    throw error;
  } finally {
    const closed = Promise.allSettled(connections.map((connection) => connection.close()));
    await Promise.race([closed, pause(farewell, undefined, { ref: false })]);
    done.abort();
  }
}
