import { connect, Socket } from "node:net";
import type { Duplex } from "node:stream";
import ssh2, {
  type Client,
  type AnyAuthMethod,
  type AuthenticationType,
  type ConnectConfig,
  type ParsedKey,
} from "ssh2";
import { codeOf, errnoText, messageOf, quote } from "./go-text.ts";
import type { LoginArgs } from "./login.ts";

/** A login with parsed keys and an SSH agent that has answered. */
export interface PreparedLogin {
  readonly user: string;
  readonly methods: readonly AnyAuthMethod[];
  readonly hostKey: ParsedKey | undefined;
}

/**
 * Parses the keys and connects to the agent.
 *
 * The methods have the real provider's order: key, password, the password again for
 * keyboard-interactive, agent. If SSH_AUTH_SOCK is set, it is used even with a private key, and a socket
 * without a listener is an error.
 */
export async function prepareLogin(login: LoginArgs): Promise<PreparedLogin> {
  const username = login.user;
  const hostKey = login.hostKey === undefined ? undefined : parseHostKey(login.hostKey);
  const methods: AnyAuthMethod[] = [];
  if (login.privateKey !== undefined) {
    const key = parsePrivateKey(login.privateKey, login.privateKeyPassword);
    methods.push({ type: "publickey", username, key });
  }
  const { password } = login;
  if (password !== undefined) {
    methods.push({ type: "password", username, password });
    methods.push({
      type: "keyboard-interactive",
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => {
        finish(prompts.map(() => password));
      },
    });
  }
  const inherited = process.env["SSH_AUTH_SOCK"];
  const agent = login.agentSocketPath ?? (inherited === "" ? undefined : inherited);
  if (agent !== undefined) {
    await checkAgentSocket(agent);
    methods.push({ type: "agent", username, agent });
  }
  return { user: username, methods, hostKey };
}

function parsePrivateKey(text: string, passphrase: string | undefined): ParsedKey {
  const parsed = ssh2.utils.parseKey(text, passphrase);
  if (!(parsed instanceof Error)) {
    if (passphrase !== undefined && !(ssh2.utils.parseKey(text) instanceof Error)) {
      const isOpenSsh = text.includes("BEGIN OPENSSH PRIVATE KEY");
      throw new Error(isOpenSsh ? "ssh: key is not password protected" : "ssh: not an encrypted key");
    }
    return parsed;
  }
  if (/no passphrase given/i.test(parsed.message)) {
    throw new Error("ssh: this private key is passphrase protected");
  }
  throw new Error(
    /bad passphrase|integrity check/i.test(parsed.message)
      ? "x509: decryption password incorrect"
      : "ssh: no key found",
  );
}

function parseHostKey(text: string): ParsedKey {
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) {
    throw new Error("failed to parse host key: ssh: no key found");
  }
  return parsed;
}

/** Checks that the agent's socket has a listener; fails with the error of Go's net.Dial. */
function checkAgentSocket(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", (error) => {
      reject(new Error(`dial unix ${path}: connect: ${errnoText(codeOf(error)) ?? messageOf(error)}`));
    });
  });
}

/**
 * Logs in over a connected stream.
 *
 * There is no timeout: in the real provider `perDialTimeout` covers the TCP connection only, so a
 * machine that accepts the connection and never answers blocks the update for ever.
 */
export function handshake(stream: Duplex, login: PreparedLogin): Promise<Client> {
  const tried: string[] = [];
  let failure: string | undefined;
  // A failed method is not tried again, nor is another one with its name: an agent is not asked after a
  // private key was refused. After a partial success the method may be tried again.
  const nextMethod = (offered: AuthenticationType[] | null, wasHalf: boolean): AnyAuthMethod | false => {
    if (wasHalf) {
      tried.pop();
    }
    const next: AnyAuthMethod | undefined =
      offered === null
        ? { type: "none", username: login.user }
        : login.methods.find(
            (method) =>
              !tried.includes(wireName(method)) && offered.some((name) => name === wireName(method)),
          );
    if (next !== undefined) {
      tried.push(wireName(next));
      return next;
    }
    failure = `ssh: unable to authenticate, attempted methods [${tried.join(" ")}], no supported methods remain`;
    return false;
  };
  const pinned = login.hostKey;
  const client = new ssh2.Client();
  const lossText = makeLossDescriber(stream);
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      client.destroy();
      stream.destroy();
      reject(new Error(`ssh: handshake failed: ${failure ?? reason}`));
    };
    client.once("ready", () => {
      client.removeAllListeners("error").removeAllListeners("close");
      // A later loss of the connection is reported by the session that uses it.
      client.on("error", () => undefined);
      resolve(client);
    });
    client.on("error", (error) => {
      fail(lossText(error));
    });
    client.on("close", () => {
      fail("EOF");
    });
    if (stream.destroyed) {
      fail("EOF");
      return;
    }
    client.connect({
      sock: stream,
      username: login.user,
      readyTimeout: 0,
      authHandler: (offered, wasHalf, next) => {
        // ssh2's types lack `false`, which means that no method is left.
        (next as (method: AnyAuthMethod | false) => void)(nextMethod(offered, wasHalf));
      },
      hostVerifier: (offered: Buffer) => {
        if (pinned === undefined || pinned.getPublicSSH().equals(offered)) {
          return true;
        }
        failure = "ssh: host key mismatch";
        return false;
      },
      ...(pinned === undefined ? {} : pinnedKeyOptions(pinned, (reason) => (failure ??= reason))),
    });
  });
}

/** Describes a lost connection as Go does. The addresses are read now, because a closed socket has none. */
function makeLossDescriber(stream: Duplex): (error: Error) => string {
  const { localAddress, localPort, remoteAddress, remotePort } =
    stream instanceof Socket ? stream : new Socket();
  const ends = `${localAddress ?? ""}:${String(localPort)}->${remoteAddress ?? ""}:${String(remotePort)}`;
  return (error) => {
    if (error.message === "Connection lost before handshake") {
      return "EOF";
    }
    const reason = errnoText(codeOf(error));
    return reason === undefined ? error.message : `read tcp ${ends}: read: ${reason}`;
  };
}

/** The name of a method in the SSH protocol. */
function wireName(method: AnyAuthMethod): string {
  return method.type === "agent" ? "publickey" : method.type;
}

/**
 * Options that ask a server for the pinned type of host key only, so that any of its keys can be
 * pinned. The type is the one in the key itself. For an RSA key that is `ssh-rsa`, the algorithm with
 * SHA-1, which current servers no longer offer.
 */
function pinnedKeyOptions({ type }: ParsedKey, onRefused: (reason: string) => void): ConnectConfig {
  return {
    algorithms: { serverHostKey: [type] },
    // ssh2 reports only here what the server offered.
    debug: (line) => {
      const kinds = /^Handshake: \(remote\) Host key format: (.*)$/.exec(line)?.[1]?.split(",");
      if (kinds !== undefined && !kinds.includes(type)) {
        const offered = kinds.map(quote).join(" ");
        onRefused(
          `ssh: no common algorithm for host key; we offered: [${quote(type)}], peer offered: [${offered}]`,
        );
      }
    },
  };
}
