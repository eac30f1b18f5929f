/** Runs one command on one host over SSH, through a bastion if there is one. */
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import ssh2, { type ClientChannel, type ConnectConfig } from "ssh2";
import { hostKeyTypes } from "../hosts/host-key-types.ts";

/**
 * Decides which key of a host is the right one, both as lines of authorized_keys.
 * @param shown the key that the host shows, of the best type that it has
 */
export type PinHostKey = (host: string, shown: string) => Promise<string>;

/** Where to log in, as which user, with which key. */
export interface Login {
  readonly host: string;
  /** TCP port of sshd. */
  readonly port: number;
  readonly user: string;
  readonly privateKey: string;
  /** The host's public key as a line of authorized_keys. @default `pinHostKey` decides */
  readonly hostKey?: string | undefined;
  /** Asked if there is no `hostKey`. @default any key is accepted */
  readonly pinHostKey?: PinHostKey | undefined;
  /** The bastion to go through. */
  readonly proxy?: Omit<Login, "proxy"> | undefined;
}

export interface RemoteCommand {
  readonly command: string;
  /** The command's standard input; one that is promised may come long after the log-in. @default empty */
  readonly input?: string | Promise<string>;
  /** Limit for log-in and command together. @default 10 */
  readonly timeoutSeconds?: number;
  /** Limit for each log-in within that. @default 10 */
  readonly loginTimeoutSeconds?: number;
  /** The host is given up once it has said nothing for so long after the log-in. @default never */
  readonly silentSeconds?: number;
  /** Ends the wait for the command. */
  readonly signal?: AbortSignal;
  /** Called for each chunk of the command's standard output. */
  readonly onOutput?: () => void;
}

/**
 * What failed; `closed`: sshd closed the connection before the log-in; `timeout`: no log-in in time; `slow`: logged in,
 * but the command takes too long; `key`: the private key; `forwarding`: the bastion forwards no connections.
 */
export type SshErrorReason =
  "unreachable" | "closed" | "timeout" | "slow" | "key" | "host-key" | "command" | "forwarding";

/** A command could not be run, or it failed; the message is one line. */
export class SshError extends Error {
  readonly reason: SshErrorReason;
  /** Whether it was the bastion that could not be logged in to. */
  readonly isBastion: boolean;
  /** The command's exit code; null if it did not end. */
  readonly code: number | null;
  /** The host key, as bytes, that the host showed instead of the pinned one; absent if it showed none. */
  readonly shownHostKey: Buffer | undefined;
  /** The key, as a line of authorized_keys, that it should have shown; absent if the host has none that can be pinned. */
  readonly pinnedHostKey: string | undefined;
  /** What the command had written on its standard output. */
  readonly said: string;
  /** What it had written on its standard error. */
  readonly complaint: string;
  constructor(
    reason: SshErrorReason,
    message: string,
    details: {
      bastion?: boolean;
      code?: number | null;
      shown?: Buffer;
      pinned?: string;
      said?: string;
      complaint?: string;
    } = {},
  ) {
    super(message);
    this.reason = reason;
    this.isBastion = details.bastion ?? false;
    this.code = details.code ?? null;
    this.shownHostKey = details.shown;
    this.pinnedHostKey = details.pinned;
    this.said = details.said ?? "";
    this.complaint = details.complaint ?? "";
  }
}

/** @returns the signature algorithms for a host key of this type; an RSA key has several */
function algorithmsOf(keyType: string): string[] {
  return keyType === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [keyType];
}

/** @returns the type that a key's bytes begin with: its length in four bytes, and its name */
function readKeyType(key: Buffer): string {
  return key.toString("latin1", 4, 4 + key.readUInt32BE(0));
}

/** @returns whether a line of authorized_keys is this key */
function isKey(line: string, key: Buffer): boolean {
  return Buffer.from(line.trim().split(/\s+/)[1] ?? "", "base64").equals(key);
}

/**
 * Logs in by key, and only to the host that shows the pinned key.
 * @returns the command's standard output
 * @throws SshError when it cannot log in in time, or when the command fails
 */
export async function runOn(login: Login, options: RemoteCommand): Promise<string> {
  const { command, input = "", timeoutSeconds = 10, loginTimeoutSeconds = 10 } = options;
  const { onOutput, silentSeconds } = options;
  const clients: ssh2.Client[] = [];
  const written: Written = { output: "", errors: "" };
  let timer: NodeJS.Timeout | undefined;
  // Nobody waits any more: a log-in that is under way ends, too, so that it does not keep this process from ending.
  const over = new AbortController();
  const timedOut = new Promise<never>((_, reject) => {
    options.signal?.addEventListener("abort", () => {
      reject(new SshError("slow", `${login.host} is no longer waited for`));
    });
    timer = setTimeout(() => {
      // There is one client for each host that has been logged in to, in this order.
      const hops = login.proxy === undefined ? [login] : [login.proxy, login];
      const pending = hops[clients.length];
      if (pending === undefined) {
        const message = `${login.host} is not done after ${timeoutSeconds} s`;
        reject(new SshError("slow", message, { said: written.output || written.errors }));
        return;
      }
      const message = `${pending.host}:${pending.port} does not answer by SSH within ${timeoutSeconds} s`;
      reject(new SshError("timeout", message, { bastion: pending !== login }));
    }, timeoutSeconds * 1000);
  });
  const connect = async (to: Login, bastion: boolean, socket?: Duplex): Promise<ssh2.Client> => {
    const loginSeconds = Math.min(loginTimeoutSeconds, timeoutSeconds);
    const client = await logInPatiently(
      { to, bastion, socket, silentSeconds, signal: over.signal },
      loginSeconds,
    );
    // It may have come at the very moment at which the others were ended.
    if (over.signal.aborted) {
      client.destroy();
      throw new SshError("slow", `${to.host} is no longer waited for`);
    }
    clients.push(client);
    return client;
  };
  const run = async (): Promise<string> => {
    const options = { command, input, onOutput, written };
    if (login.proxy === undefined) return exec(await connect(login, false), options);
    const bastion = await connect(login.proxy, true);
    return exec(await connect(login, false, await tunnel(bastion, login)), options);
  };
  try {
    return await Promise.race([run(), timedOut]);
  } finally {
    clearTimeout(timer);
    over.abort();
    for (const client of clients.reverse()) client.destroy();
  }
}

interface LogIn {
  readonly to: Login;
  /** Whether it is the bastion. */
  readonly bastion: boolean;
  /** The way through the bastion. */
  readonly socket: Duplex | undefined;
  readonly silentSeconds: number | undefined;
  readonly signal: AbortSignal;
}

/** For how long a closed connection is tried again, and how often. */
const retryMs = 4000;
const retryPauseMs = 700;

/**
 * Logs in, again and again where sshd closes the connection before it has named itself: it does so when it has as many
 * log-ins at once as MaxStartups allows.
 */
async function logInPatiently(options: LogIn, timeoutSeconds: number): Promise<ssh2.Client> {
  const begin = performance.now();
  for (;;) {
    const passedMs = performance.now() - begin;
    try {
      return await logIn(options, timeoutSeconds - passedMs / 1000);
    } catch (error) {
      const isClosed = error instanceof SshError && error.reason === "closed";
      // A tunnel is used up with its first connection.
      if (!isClosed || options.socket !== undefined || passedMs > Math.min(retryMs, timeoutSeconds * 500))
        throw error;
      await pause(retryPauseMs);
    }
  }
}

function logIn(
  { to, bastion, socket, silentSeconds, signal }: LogIn,
  timeoutSeconds: number,
): Promise<ssh2.Client> {
  const { host, port, user, privateKey, hostKey, pinHostKey } = to;
  const client = new ssh2.Client();
  const { promise, resolve, reject } = Promise.withResolvers<ssh2.Client>();
  const fail = (reason: SshErrorReason, message: string, keys: { shown?: Buffer; pinned?: string } = {}) =>
    reject(new SshError(reason, message, { bastion, ...keys }));
  let pinned = hostKey;
  let shown: Buffer | undefined;
  const keyType = hostKey?.trim().split(/\s+/)[0];
  client.on("error", (error: Error & { level?: string; code?: string }) => {
    if (pinned !== undefined && shown !== undefined && !isKey(pinned, shown)) {
      fail("host-key", `${host}:${port} shows another host key than the pinned one`, { shown, pinned });
    } else if (/no matching host key format/i.test(error.message)) {
      const missing = keyType === undefined ? "an ed25519 or ecdsa type" : `the pinned type ${keyType}`;
      const message = `${host}:${port} has no host key of ${missing}`;
      fail("host-key", message, pinned === undefined ? {} : { pinned });
    } else if (error.level === "client-authentication") {
      fail("key", `${host} does not accept the SSH key for the user ${user}`);
    } else if (error.message.includes("lost before handshake") || error.code === "ECONNRESET") {
      fail("closed", `${host}:${port} closes the connection before the log-in`);
    } else {
      fail("unreachable", error.message);
    }
  });
  client.on("close", () => fail("unreachable", `${host}:${port} closed the SSH connection`));
  client.on("ready", () => resolve(client));
  const leave = (): void => fail("slow", `${host} is no longer waited for`);
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave);
  // ssh2's own timeout does not include the time until there is a connection.
  const timer = setTimeout(() => {
    fail("timeout", `${host}:${port} does not answer by SSH within ${Math.ceil(timeoutSeconds)} s`);
  }, timeoutSeconds * 1000);
  const keyTypes =
    keyType === undefined ? (pinHostKey === undefined ? [] : hostKeyTypes) : algorithmsOf(keyType);
  const config: ConnectConfig = {
    host,
    port,
    username: user,
    privateKey,
    readyTimeout: 0,
    ...(silentSeconds === undefined ? {} : { keepaliveInterval: 1000, keepaliveCountMax: silentSeconds }),
    ...(socket === undefined ? {} : { sock: socket }),
    // The host may have several keys; this makes it show the pinned one, or the best of those that can be pinned.
    ...(keyTypes.length === 0 ? {} : { algorithms: { serverHostKey: keyTypes as never } }),
    hostVerifier: (key: Buffer, accept: (isRight: boolean) => void): void => {
      shown = key;
      const decided = pinned ?? pinHostKey?.(host, `${readKeyType(key)} ${key.toString("base64")}`);
      void Promise.resolve(decided).then(
        (right) => {
          pinned = right;
          accept(right === undefined || isKey(right, key));
        },
        (error: unknown) => {
          reject(error instanceof Error ? error : new Error(String(error)));
          accept(false);
        },
      );
    },
  };
  try {
    client.connect(config);
  } catch (error) {
    // ssh2 refuses an unreadable private key before it sends anything.
    fail("key", error instanceof Error ? error.message : String(error));
  }
  return promise
    .catch((error: unknown) => {
      client.destroy();
      throw error;
    })
    .finally(() => clearTimeout(timer));
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1). */
const administrativelyProhibited = 1;

function tunnel(bastion: ssh2.Client, { host, port }: Login): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error === undefined) resolve(channel);
      else if ((error as { reason?: unknown }).reason === administrativelyProhibited)
        reject(new SshError("forwarding", `forwards no connection to port ${port}`, { bastion: true }));
      else reject(new SshError("unreachable", `the bastion cannot reach ${host}:${port}: ${error.message}`));
    });
  });
}

/** What a command has written so far. */
interface Written {
  output: string;
  errors: string;
}

interface ExecOptions {
  readonly command: string;
  readonly input: string | Promise<string>;
  readonly onOutput: (() => void) | undefined;
  readonly written: Written;
}

function exec(client: ssh2.Client, { command, input, onOutput, written }: ExecOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  client.on("close", () =>
    reject(new SshError("command", "the SSH connection was closed before the command ended")),
  );
  client.exec(command, (error, channel) => {
    if (error !== undefined) {
      reject(new SshError("command", error.message));
      return;
    }
    if (onOutput !== undefined) channel.on("data", onOutput);
    collect(channel, written, resolve, reject);
    void Promise.resolve(input).then((text) => channel.end(text), reject);
  });
  return promise;
}

function collect(
  channel: ClientChannel,
  written: Written,
  resolve: (text: string) => void,
  reject: (error: Error) => void,
): void {
  let code: number | null = null;
  channel.setEncoding("utf8").on("data", (text: string) => (written.output += text));
  channel.stderr.setEncoding("utf8").on("data", (text: string) => (written.errors += text));
  channel.on("exit", (status: number | null) => (code = status));
  channel.on("close", () => {
    if (code === 0) {
      resolve(written.output);
      return;
    }
    // A forced command and nologin(8) say on standard output why they run no command.
    const reason = firstLine(written.errors) || firstLine(written.output);
    const message = `the command ended with ${String(code)}: ${reason}`;
    reject(
      new SshError("command", message, { code, said: written.output, complaint: written.errors.trim() }),
    );
  });
}

/** @returns the first line with text, without control characters, cut to the length of a message */
export function firstLine(text: string): string {
  const [line = ""] = text.trim().split("\n", 1);
  return line
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, 200);
}
