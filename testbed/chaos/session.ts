/** A client that reconnects after every error, as clients of a highly available broker have to. */
import { setTimeout as pause } from "node:timers/promises";
import { type ChannelModel, connect } from "amqplib";

/** Milliseconds in which a connection has to be established, before the next attempt. */
const connectTimeoutMs = 2000;
/** Milliseconds between a lost connection and the next attempt. */
const reconnectDelayMs = 100;
/** Milliseconds to wait for the broker's answer to a close. */
const closeTimeoutMs = 1000;

export interface SessionArgs {
  readonly uri: string;
  /** Seconds between two heartbeats. */
  readonly heartbeatSeconds: number;
}

export interface Session {
  readonly connection: ChannelModel;
  /** Rejects when the connection is lost. */
  readonly lost: Promise<never>;
  /** Reports that the connection is unusable. */
  readonly fail: (error: Error) => void;
}

/** Runs the work on one connection after another until `isDone`. An error of the work ends only its connection. */
export async function runWithReconnect(
  args: SessionArgs,
  isDone: () => boolean,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  while (!isDone()) {
    await runOnce(args, work).catch(() => undefined);
    if (!isDone()) await pause(reconnectDelayMs);
  }
}

async function runOnce(
  { uri, heartbeatSeconds }: SessionArgs,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const url = new URL(uri);
  url.searchParams.set("heartbeat", String(heartbeatSeconds));
  // amqplib passes its socket options to net.connect, which destroys the socket when the signal fires.
  const end = new AbortController();
  const options = { signal: end.signal, timeout: connectTimeoutMs, noDelay: true };
  try {
    const connection = await connect(url.href, options);
    const { promise: lost, reject: fail } = Promise.withResolvers<never>();
    lost.catch(() => undefined);
    connection.on("error", fail);
    connection.on("close", () => fail(new Error("the connection is closed")));
    await Promise.race([work({ connection, lost, fail }), lost]);
    await Promise.race([connection.close(), pause(closeTimeoutMs, undefined, { ref: false })]);
  } finally {
    end.abort();
  }
}
