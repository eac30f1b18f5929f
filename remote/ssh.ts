/** One command on one host, over SSH, through a bastion where there is one. */
import type { Duplex } from "node:stream";
import ssh2, { type ClientChannel, type ConnectConfig } from "ssh2";

/** Whom to log in to, as whom, by which key. */
export interface Login {
  readonly host: string;
  /** TCP port of sshd. */
  readonly port: number;
  readonly user: string;
  readonly privateKey: string;
  /** The host's public key as a line of authorized_keys. @default any key is taken */
  readonly hostKey?: string | undefined;
  /** The host to go through. */
  readonly proxy?: Omit<Login, "proxy"> | undefined;
}

export interface Command {
  readonly command: string;
  /** What the command reads on standard input. @default nothing */
  readonly input?: string;
  /** Seconds that log-in and command may take together. @default 10 */
  readonly patience?: number;
  /** Seconds of these that each log-in may take. @default 10 */
  readonly reach?: number;
  /** Is called whenever a piece of the command's standard output arrives. */
  readonly onOutput?: () => void;
}

/** Which step of the way it was that failed; `slow`: it answers, and the command takes too long. */
export type Cause = "unreachable" | "timeout" | "slow" | "key" | "host-key" | "command";

/** Why a command could not be run, or that it failed, in one line. */
export class SshError extends Error {
  readonly reason: Cause;
  /** Whether it is the bastion that it was about. */
  readonly bastion: boolean;
  /** The command's exit code; null where it ran to no end. */
  readonly code: number | null;
  /** The host key that was shown in place of the pinned one, as its bytes; absent where none was. */
  readonly shown: Buffer | undefined;
  constructor(
    reason: Cause,
    message: string,
    about: { bastion?: boolean; code?: number | null; shown?: Buffer } = {},
  ) {
    super(message);
    this.reason = reason;
    this.bastion = about.bastion ?? false;
    this.code = about.code ?? null;
    this.shown = about.shown;
  }
}

/** The signature algorithms by which a host proves that it has the key: an RSA key has several. */
function algorithmsOf(keyType: string): string[] {
  return keyType === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [keyType];
}

/**
 * Logs in by key, and only to the host that shows the pinned key.
 * @returns the command's standard output
 * @throws SshError when it cannot log in in time, or when the command fails
 */
export async function runOn(login: Login, how: Command): Promise<string> {
  const { command, input = "", patience = 10, reach = 10, onOutput } = how;
  const clients: ssh2.Client[] = [];
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(() => {
      // In the order of the way: each that has been logged in to is a client.
      const way = login.proxy === undefined ? [login] : [login.proxy, login];
      const silent = way[clients.length];
      if (silent === undefined) {
        reject(new SshError("slow", `${login.host} is not done after ${patience} s`));
        return;
      }
      const words = `${silent.host}:${silent.port} does not answer by SSH within ${patience} s`;
      reject(new SshError("timeout", words, { bastion: silent !== login }));
    }, patience * 1000);
  });
  const opened = async (to: Login, bastion: boolean, socket?: Duplex): Promise<ssh2.Client> => {
    const client = await open(to, bastion, Math.min(reach, patience), socket);
    clients.push(client);
    return client;
  };
  const work = async (): Promise<string> => {
    if (login.proxy === undefined) return exec(await opened(login, false), { command, input, onOutput });
    const bastion = await opened(login.proxy, true);
    return exec(await opened(login, false, await tunnel(bastion, login)), { command, input, onOutput });
  };
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(deadline);
    for (const client of clients.reverse()) client.destroy();
  }
}

function open(to: Login, bastion: boolean, reach: number, socket?: Duplex): Promise<ssh2.Client> {
  const { host, port, user, privateKey, hostKey } = to;
  const client = new ssh2.Client();
  const { promise, resolve, reject } = Promise.withResolvers<ssh2.Client>();
  const fail = (reason: Cause, words: string, shown?: Buffer): void =>
    reject(new SshError(reason, words, { bastion, ...(shown === undefined ? {} : { shown }) }));
  let shown: Buffer | undefined;
  const [keyType, key] = hostKey?.trim().split(/\s+/) ?? [];
  const pinned = key === undefined ? undefined : Buffer.from(key, "base64");
  client.on("error", (error: Error & { level?: string }) => {
    if (pinned !== undefined && shown?.equals(pinned) === false) {
      fail("host-key", `${host}:${port} shows another host key than the pinned one`, shown);
    } else if (pinned !== undefined && /no matching host key format/i.test(error.message)) {
      fail("host-key", `${host}:${port} has no host key of the pinned one's kind, ${keyType ?? ""}`);
    } else if (error.level === "client-authentication") {
      fail("key", `${host} does not take the SSH key for the user ${user}`);
    } else {
      fail("unreachable", error.message);
    }
  });
  client.on("close", () => fail("unreachable", `${host}:${port} closed the SSH connection`));
  client.on("ready", () => resolve(client));
  // ssh2's own limit does not count the time until there is a connection.
  const limit = setTimeout(() => {
    fail("timeout", `${host}:${port} does not answer by SSH within ${reach} s`);
  }, reach * 1000);
  const config: ConnectConfig = {
    host,
    port,
    username: user,
    privateKey,
    readyTimeout: 0,
    ...(socket === undefined ? {} : { sock: socket }),
    // The host may have several keys; it is to show the one that is pinned.
    ...(keyType === undefined ? {} : { algorithms: { serverHostKey: algorithmsOf(keyType) as never } }),
    hostVerifier: (key: Buffer) => {
      shown = key;
      return pinned?.equals(key) ?? true;
    },
  };
  try {
    client.connect(config);
  } catch (error) {
    // A private key that cannot be read is refused before anything is sent.
    fail("key", error instanceof Error ? error.message : String(error));
  }
  return promise
    .catch((error: unknown) => {
      client.destroy();
      throw error;
    })
    .finally(() => clearTimeout(limit));
}

function tunnel(bastion: ssh2.Client, { host, port }: Login): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    bastion.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(new SshError("unreachable", `the bastion cannot reach ${host}:${port}: ${error.message}`));
    });
  });
}

interface Run {
  readonly command: string;
  readonly input: string;
  readonly onOutput: (() => void) | undefined;
}

function exec(client: ssh2.Client, { command, input, onOutput }: Run): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  client.on("close", () => reject(new SshError("command", "the SSH connection was closed meanwhile")));
  client.exec(command, (error, channel) => {
    if (error !== undefined) {
      reject(new SshError("command", error.message));
      return;
    }
    if (onOutput !== undefined) channel.on("data", onOutput);
    collect(channel, input, resolve, reject);
  });
  return promise;
}

function collect(
  channel: ClientChannel,
  input: string,
  resolve: (text: string) => void,
  reject: (error: Error) => void,
): void {
  let output = "";
  let errors = "";
  let code: number | null = null;
  channel.setEncoding("utf8").on("data", (text: string) => (output += text));
  channel.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  channel.on("exit", (status: number | null) => (code = status));
  channel.on("close", () => {
    const [first = ""] = errors.trim().split("\n", 1);
    if (code === 0) resolve(output);
    else reject(new SshError("command", `the command ended with ${String(code)}: ${first}`, { code }));
  });
  channel.end(input);
}
