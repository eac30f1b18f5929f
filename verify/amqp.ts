/** AMQP connections that are closed at a deadline, whatever the broker does. */
import { setTimeout as pause } from "node:timers/promises";
import { type ChannelModel, connect } from "amqplib";
import { RefusalError } from "./finding.ts";
import { adminStepName } from "../hosts/resource-names.ts";

/** A broker that does not read from a connection does not see it close. */
const closeTimeoutMs = 1000;

/** Opens a connection that is closed when the work that uses it ends. @param name what the brokers list it by */
export type OpenConnection = (name?: string) => Promise<ChannelModel>;

/**
 * Runs work that opens connections, then closes them. At the deadline the sockets are destroyed, so the work ends too.
 * Without that it may hang: a broker with an alarm in force takes a publisher's message and never answers, not even to
 * a close.
 * @param timeoutSeconds for all of the work
 * @throws what the work throws, or a TimeoutError at the deadline; RefusalError when the broker refuses the user
 */
export async function withConnections<T>(
  uri: string,
  timeoutSeconds: number,
  work: (open: OpenConnection) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
  const done = new AbortController();
  const connections: ChannelModel[] = [];
  const open: OpenConnection = async (name) => {
    // net.connect, to which amqplib hands its socket options, destroys the socket when the signal fires.
    const options = {
      signal: AbortSignal.any([deadline, done.signal]),
      timeout: timeoutSeconds * 1000,
      noDelay: true,
      ...(name === undefined ? {} : { clientProperties: { connection_name: name } }),
    };
    const connection = await connect(uri, options);
    // The call that waits on a lost connection fails by itself. Without a listener the event would end the process.
    connection.on("error", () => undefined);
    connections.push(connection);
    return connection;
  };
  try {
    return await work(open);
  } catch (error) {
    deadline.throwIfAborted();
    if (error instanceof Error && error.message.includes("ACCESS-REFUSED")) {
      throw new RefusalError("the brokers refuse the stack's user or password (AMQP 403)", adminStepName);
    }
    throw error;
  } finally {
    const closed = Promise.allSettled(connections.map((connection) => connection.close()));
    const waited = pause(closeTimeoutMs, undefined, { signal: done.signal }).catch(() => undefined);
    await Promise.race([closed, waited]);
    done.abort();
  }
}
