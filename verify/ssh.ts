/** One command on one host, over SSH. */
import ssh2, { type ClientChannel, type ConnectConfig } from "ssh2";
import { asError } from "./cause.ts";
import type { Login } from "./outputs.ts";

/** Seconds that log-in and command may take. */
const patience = 10;

/** The signature algorithms by which a host proves that it has the key: an RSA key has several. */
function algorithmsOf(keyType: string): string[] {
  return keyType === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [keyType];
}

/**
 * Logs in by key, and only to the host that shows the pinned key.
 * @returns the command's standard output
 * @throws Error, of one line, when it cannot log in in time, or when the command fails
 */
export function runOn({ host, port, user, privateKey, hostKey }: Login, command: string): Promise<string> {
  const [keyType = "", key = ""] = hostKey.trim().split(/\s+/);
  const pinned = Buffer.from(key, "base64");
  const client = new ssh2.Client();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const deadline = setTimeout(() => {
    reject(new Error(`${host}:${port} does not answer by SSH within ${patience} s`));
  }, patience * 1000);
  let strange = false;
  client.on("error", (error) => {
    reject(
      strange
        ? new Error(`${host}:${port} shows another host key than the pinned one`)
        : sshError(error, host),
    );
  });
  client.on("close", () => {
    reject(new Error(`${host}:${port} closed the SSH connection`));
  });
  client.on("ready", () => {
    client.exec(command, (error, channel) => {
      if (error === undefined) collect(channel, resolve, reject);
      else reject(error);
    });
  });
  const config: ConnectConfig = {
    ...{ host, port, username: user, privateKey, readyTimeout: patience * 1000 },
    // The host may have several keys; it is to show the one that is pinned.
    algorithms: { serverHostKey: algorithmsOf(keyType) as never },
    hostVerifier: (shown: Buffer) => {
      strange = !shown.equals(pinned);
      return !strange;
    },
  };
  try {
    client.connect(config);
  } catch (error) {
    // A private key that cannot be read is refused before anything is sent.
    reject(asError(error));
  }
  return promise.finally(() => {
    clearTimeout(deadline);
    client.destroy();
  });
}

function sshError(error: Error & { level?: string }, host: string): Error {
  if (error.level === "client-authentication") return new Error(`${host} does not take the stack's SSH key`);
  return error.level === "client-timeout" ? new Error(`${host} does not answer by SSH in time`) : error;
}

function collect(
  channel: ClientChannel,
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
    if (code === 0) resolve(output);
    else
      reject(new Error(`the command ended with ${String(code)}: ${errors.trim().split("\n", 1)[0] ?? ""}`));
  });
}
