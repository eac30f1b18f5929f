/** One connection of a client that comes back after every error, as the clients of a highly available broker must. */
import { setTimeout as pause } from "node:timers/promises";
import { type ChannelModel, connect } from "amqplib";

/** Milliseconds that a connection may take to be made, after which the next one is tried. */
const connectPatience = 2000;
/** Milliseconds between a lost connection and the next try. */
const between = 100;
/** Milliseconds for a close that the broker should answer. */
const farewell = 1000;

export interface SessionArgs {
  readonly uri: string;
  /** Seconds; what client and broker both send at least that often. */
  readonly heartbeat: number;
}

export interface Session {
  readonly connection: ChannelModel;
  /** Rejects when the connection is lost. */
  readonly lost: Promise<never>;
  /** Says that the connection is of no use any more. */
  readonly fail: (error: Error) => void;
}

/** Works on one connection after another until `over`. An error of the work ends its connection, no more. */
export async function insist(
  args: SessionArgs,
  over: () => boolean,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  while (!over()) {
    await once(args, work).catch(() => undefined);
    if (!over()) await pause(between);
  }
}

async function once(
  { uri, heartbeat }: SessionArgs,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const url = new URL(uri);
  url.searchParams.set("heartbeat", String(heartbeat));
  // net.connect, to which amqplib hands its socket options, destroys the socket when the signal fires.
  const end = new AbortController();
  const options = { signal: end.signal, timeout: connectPatience, noDelay: true };
  try {
    const connection = await connect(url.href, options);
    const { promise: lost, reject: fail } = Promise.withResolvers<never>();
    lost.catch(() => undefined);
    connection.on("error", fail);
    connection.on("close", () => fail(new Error("the connection is closed")));
    await Promise.race([work({ connection, lost, fail }), lost]);
    await Promise.race([connection.close(), pause(farewell, undefined, { ref: false })]);
  } finally {
    end.abort();
  }
}
