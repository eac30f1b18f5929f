import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2, { type AuthContext, type Connection, type Session } from "ssh2";
import { runInShell } from "./shell.ts";
import { newKey, newKeyOfType, type KeyPair } from "./ssh-keys.ts";

const { Server, utils } = ssh2;

export interface SshServerOptions {
  /** Public keys that may log in. */
  readonly keys?: readonly string[];
  readonly password?: string;
  /** Variables that the server accepts, as with AcceptEnv; none by default. */
  readonly acceptEnv?: readonly string[];
  /** How many of the first connections are closed before the server has sent anything. */
  readonly refuseFirst?: number;
  /** The command that runs in place of each that a client gives, as of a key with command="…". */
  readonly forcedCommand?: string;
  /** Accept connections and never answer. */
  readonly neverAnswers?: boolean;
  /** Ask for the password by keyboard-interactive only. */
  readonly usesKeyboardInteractive?: boolean;
  /** Whether the server forwards TCP connections. @default true */
  readonly allowsForwarding?: boolean;
  /** Whether it says that forwarding is prohibited, as sshd does with AllowTcpForwarding no. */
  readonly prohibitsForwarding?: boolean;
  /** The types of the server's host keys; the first one is `hostKey`. */
  readonly hostKeyTypes?: readonly ("ed25519" | "ecdsa")[];
}

/** One command that the server has run for a client. */
export interface ExecutedCommand {
  readonly script: string;
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * An SSH server on 127.0.0.1 that runs commands with bash, in its own folder. It also forwards TCP
 * connections, so that it can serve as the bastion.
 */
export class SshServer {
  hostKey: KeyPair;
  readonly folder = mkdtempSync(join(tmpdir(), "ssh-server-"));
  readonly executed: ExecutedCommand[] = [];
  readonly authAttempts: string[] = [];
  /** The time of each TCP connection in milliseconds, by performance.now(). */
  readonly dials: number[] = [];
  readonly forwarded: string[] = [];
  /** How many sessions requested a terminal. */
  terminals = 0;
  readonly #options: SshServerOptions;
  readonly #sockets = new Set<Socket>();
  readonly #children = new Set<ChildProcess>();
  #ssh: InstanceType<typeof Server>;
  // Without Nagle's algorithm, as in OpenSSH: with it ten round trips would take 400 ms.
  readonly #tcp: TcpServer = createServer({ noDelay: true }, (socket) => {
    this.#handleConnection(socket);
  });

  private constructor(options: SshServerOptions) {
    this.#options = options;
    this.hostKey = newKey();
    this.#ssh = this.#make((options.hostKeyTypes ?? ["ed25519"]).map(newKeyOfType));
  }

  #make(hostKeys: readonly KeyPair[]): InstanceType<typeof Server> {
    this.hostKey = hostKeys[0] ?? newKey();
    return new Server({ hostKeys: hostKeys.map((pair) => pair.private) }, (client) => {
      this.#accept(client);
    });
  }

  /** From now on the server shows another host key, as after a reinstallation; or it has further ones beside its own. */
  changeHostKey(keys: readonly KeyPair[] = [newKey()]): void {
    this.#ssh = this.#make(keys);
  }

  static async start(options: SshServerOptions = {}): Promise<SshServer> {
    const server = new SshServer(options);
    await new Promise<void>((resolve) => {
      server.#tcp.listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  /** The number of open TCP connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Closes every open connection. */
  dropConnections(): void {
    this.#sockets.forEach((socket) => socket.destroy());
  }

  async stop(): Promise<void> {
    this.#children.forEach((child) => child.kill("SIGKILL"));
    this.dropConnections();
    await new Promise<void>((resolve) => {
      this.#tcp.close(() => {
        resolve();
      });
    });
    rmSync(this.folder, { recursive: true, force: true });
  }

  #handleConnection(socket: Socket): void {
    this.dials.push(performance.now());
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    if (this.dials.length <= (this.#options.refuseFirst ?? 0)) {
      // All input is read first, so that the client gets an end and not a reset.
      socket.resume().end();
    } else if (this.#options.neverAnswers !== true) {
      this.#ssh.injectSocket(socket);
    }
  }

  #accept(client: Connection): void {
    let user = "";
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      this.authAttempts.push(context.method);
      user = context.username;
      if (context.method === "keyboard-interactive" && this.#options.usesKeyboardInteractive === true) {
        context.prompt([{ prompt: "Password: ", echo: false }], (answers) => {
          if (answers[0] === this.#options.password) {
            context.accept();
          } else {
            context.reject(this.#methods());
          }
        });
      } else if (this.#isAdmitted(context)) {
        context.accept();
      } else {
        context.reject(this.#methods());
      }
    });
    client.on("ready", () => {
      client.on("session", (accept) => {
        this.#serveSession(accept(), user);
      });
      // Without a listener the library answers that the channel is administratively prohibited.
      if (this.#options.prohibitsForwarding === true) return;
      client.on("tcpip", (accept, reject, { destIP, destPort }) => {
        if (this.#options.allowsForwarding === false) {
          reject();
          return;
        }
        this.forwarded.push(`${destIP}:${String(destPort)}`);
        const channel = accept();
        const socket = connect(destPort, destIP);
        channel.pipe(socket).pipe(channel);
        socket.on("error", () => channel.close());
        channel.on("error", () => socket.destroy());
      });
    });
  }

  #methods(): ("password" | "publickey" | "keyboard-interactive")[] {
    return [
      ...(this.#options.keys === undefined ? [] : (["publickey"] as const)),
      ...(this.#options.password === undefined
        ? []
        : ([this.#options.usesKeyboardInteractive === true ? "keyboard-interactive" : "password"] as const)),
    ];
  }

  #isAdmitted(context: AuthContext): boolean {
    if (context.method === "password") {
      return this.#options.usesKeyboardInteractive !== true && context.password === this.#options.password;
    }
    if (context.method !== "publickey") {
      return false;
    }
    return (this.#options.keys ?? []).some((text) => {
      const key = utils.parseKey(text);
      return !(key instanceof Error) && key.getPublicSSH().equals(context.key.data);
    });
  }

  #serveSession(session: Session, user: string): void {
    const environment: Record<string, string> = {};
    session.on("pty", (accept) => {
      this.terminals++;
      accept();
    });
    session.on("env", (accept, reject, { key, val }) => {
      if (this.#options.acceptEnv?.includes(key) === true) {
        environment[key] = val;
        accept();
      } else {
        reject();
      }
    });
    session.on("exec", (accept, _reject, { command }) => {
      this.executed.push({ script: command, user, environment: { ...environment } });
      const child = runInShell(this.#options.forcedCommand ?? command, accept(), this.folder, environment);
      this.#children.add(child);
      child.on("close", () => this.#children.delete(child));
    });
  }
}
