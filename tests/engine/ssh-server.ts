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
  /** Variables that the server takes, as AcceptEnv does; none by default. */
  readonly acceptEnv?: readonly string[];
  /** Connections that are closed before the server has said a word, in the order they come. */
  readonly refuseFirst?: number;
  /** Take connections and never answer. */
  readonly mute?: boolean;
  /** Ask for the password by keyboard-interactive only. */
  readonly askPassword?: boolean;
  /** Whether the server connects its clients to others; it does unless told not to. */
  readonly forwards?: boolean;
  /** The kinds of host key that the server has; the first is the one in `hostKey`. */
  readonly hostKeyTypes?: readonly ("ed25519" | "ecdsa")[];
}

/** One command that a client had the server run. */
export interface ExecutedCommand {
  readonly script: string;
  readonly user: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * An SSH server on 127.0.0.1 that really runs commands, with bash, in a folder of its own. It forwards
 * TCP connections as well, so that it can play the bastion.
 */
export class SshServer {
  readonly hostKey: KeyPair;
  readonly folder = mkdtempSync(join(tmpdir(), "ssh-server-"));
  readonly executed: ExecutedCommand[] = [];
  readonly authAttempts: string[] = [];
  /** When each TCP connection came, in milliseconds. */
  readonly dials: number[] = [];
  readonly forwarded: string[] = [];
  /** Sessions that asked for a terminal. */
  terminals = 0;
  readonly #options: SshServerOptions;
  readonly #sockets = new Set<Socket>();
  readonly #children = new Set<ChildProcess>();
  readonly #ssh: InstanceType<typeof Server>;
  // Without Nagle's delay, as OpenSSH has it: ten round trips would otherwise cost 400 ms.
  readonly #tcp: TcpServer = createServer({ noDelay: true }, (socket) => {
    this.#greet(socket);
  });

  private constructor(options: SshServerOptions) {
    this.#options = options;
    const hostKeys = (options.hostKeyTypes ?? ["ed25519"]).map(newKeyOfType);
    this.hostKey = hostKeys[0] ?? newKey();
    this.#ssh = new Server({ hostKeys: hostKeys.map((pair) => pair.private) }, (client) => {
      this.#accept(client);
    });
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

  /** How many TCP connections there are. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Breaks every connection there is. */
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

  #greet(socket: Socket): void {
    this.dials.push(performance.now());
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    if (this.dials.length <= (this.#options.refuseFirst ?? 0)) {
      // With all read, so that the client sees an end and not a reset.
      socket.resume().end();
    } else if (this.#options.mute !== true) {
      this.#ssh.injectSocket(socket);
    }
  }

  #accept(client: Connection): void {
    let user = "";
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      this.authAttempts.push(context.method);
      user = context.username;
      if (context.method === "keyboard-interactive" && this.#options.askPassword === true) {
        context.prompt([{ prompt: "Password: ", echo: false }], (answers) => {
          if (answers[0] === this.#options.password) {
            context.accept();
          } else {
            context.reject(this.#methods());
          }
        });
      } else if (this.#admits(context)) {
        context.accept();
      } else {
        context.reject(this.#methods());
      }
    });
    client.on("ready", () => {
      client.on("session", (accept) => {
        this.#serve(accept(), user);
      });
      client.on("tcpip", (accept, reject, { destIP, destPort }) => {
        if (this.#options.forwards === false) {
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
        : ([this.#options.askPassword === true ? "keyboard-interactive" : "password"] as const)),
    ];
  }

  #admits(context: AuthContext): boolean {
    if (context.method === "password") {
      return this.#options.askPassword !== true && context.password === this.#options.password;
    }
    if (context.method !== "publickey") {
      return false;
    }
    return (this.#options.keys ?? []).some((text) => {
      const key = utils.parseKey(text);
      return !(key instanceof Error) && key.getPublicSSH().equals(context.key.data);
    });
  }

  #serve(session: Session, user: string): void {
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
      const child = runInShell(command, accept(), this.folder, environment);
      this.#children.add(child);
      child.on("close", () => this.#children.delete(child));
    });
  }
}
