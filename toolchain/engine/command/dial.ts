import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { handshake, prepareLogin, type PreparedLogin } from "./handshake.ts";
import { codeOf, errnoText, messageOf } from "./go-text.ts";
import type { LoginArgs } from "./login.ts";
import { contextError } from "./operation.ts";

export interface ConnectionArgs extends LoginArgs {
  readonly proxy?: LoginArgs;
}

export interface DialContext {
  /** Ends the pauses between dials, not a running dial. */
  readonly signal: AbortSignal;
  readonly status: (line: string) => Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 5_000;
const UNLIMITED = -1;

/**
 * Opens an SSH connection, through a bastion if there is one, with as many dials as allowed.
 *
 * @returns the clients to close: the connection itself, then the bastion's
 * @throws at once when a key does not parse or the SSH agent does not answer
 */
export async function dial(connection: ConnectionArgs, context: DialContext): Promise<Client[]> {
  const login = await prepareLogin(connection);
  if (connection.proxy === undefined) {
    return [
      await retryDial("Dial", connection, context, async () =>
        handshake(await connectTcp(connection), login),
      ),
    ];
  }
  try {
    return await dialThrough(connection.proxy, connection, login, context);
  } catch (error) {
    throw new Error(`proxy: ${messageOf(error)}`, { cause: error });
  }
}

async function dialThrough(
  proxy: LoginArgs,
  target: LoginArgs,
  login: PreparedLogin,
  context: DialContext,
): Promise<Client[]> {
  const proxyLogin = await prepareLogin(proxy);
  const bastion = await retryDial("Dial proxy", proxy, context, async () =>
    handshake(await connectTcp(proxy), proxyLogin),
  );
  try {
    const tunnel = await retryDial("Dial from proxy", target, context, () => openTunnel(bastion, target));
    // As in the real provider, a failed handshake is retried on the same tunnel, which is dead by then.
    const client = await retryDial("Dial", target, context, () => handshake(tunnel, login));
    return [client, bastion];
  } catch (error) {
    bastion.end();
    throw error;
  }
}

/** Retries with pauses that start at 100 ms and grow by 1.5 each time, up to 5 s (sdk/go/common/util/retry). */
async function retryDial<T>(
  what: string,
  { dialErrorLimit: limit }: LoginArgs,
  { signal, status }: DialContext,
  attempt: () => Promise<T>,
): Promise<T> {
  let wait = FIRST_PAUSE_MS;
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (limit > UNLIMITED && failures >= limit) {
        throw new Error(`after ${String(failures)} failed attempts: ${messageOf(error)}`, { cause: error });
      }
    }
    await status(
      `${what} ${String(failures + 1)}/${limit === UNLIMITED ? "inf" : String(limit)} failed: retrying`,
    );
    await pause(wait, undefined, { signal }).catch(() => {
      throw contextError(signal);
    });
    wait = Math.min(wait * PAUSE_GROWTH, LONGEST_PAUSE_MS);
  }
}

function connectTcp({ host, port, perDialTimeout }: LoginArgs): Promise<Socket> {
  // The port is a float in the schema, and Go truncates it.
  const target = { host, port: Math.trunc(port) };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, noDelay: true });
    const timer =
      perDialTimeout > 0
        ? setTimeout(() => {
            socket.destroy();
            reject(new Error(`dial tcp ${joinHostPort(host, target.port)}: i/o timeout`));
          }, perDialTimeout * 1000)
        : undefined;
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(dialError(error, target));
    });
  });
}

function dialError(error: unknown, target: { host: string; port: number }): Error {
  // A name with several addresses fails with an error for each; Go reports the first.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(first);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new Error(`dial tcp: lookup ${target.host}: no such host`);
  }
  const address = first instanceof Error && "address" in first ? String(first.address) : target.host;
  const reason = errnoText(code);
  return new Error(
    `dial tcp ${joinHostPort(address, target.port)}: ${reason === undefined ? messageOf(first) : `connect: ${reason}`}`,
  );
}

function joinHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** Opens a TCP connection to the target through the bastion. */
function openTunnel(bastion: Client, { host, port }: LoginArgs): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("0.0.0.0", 0, host, Math.trunc(port), (error, channel) => {
      if (error === undefined) {
        resolve(channel);
      } else {
        const detail = error.message.replace(/^\(SSH\) Channel open failure: /, "");
        reject(new Error(`ssh: rejected: connect failed (${detail})`));
      }
    });
  });
}
