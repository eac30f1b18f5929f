/** A client that publishes all the time on one connection, and opens and closes further ones: nothing may be refused. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import amqp from "amqplib";

const publishEveryMs = 40;
const connectEveryMs = 250;

export class LoginClient {
  /** The messages that the broker has confirmed. */
  readonly confirmed: string[] = [];
  /** Each error of a connection, a log-in or a confirm. */
  readonly errors: string[] = [];
  /** How often it has logged in anew. */
  logins = 0;
  readonly #uri: string;
  readonly #name: string;
  readonly #queue: string;
  readonly #options: () => Readonly<Record<string, unknown>>;
  #isStopping = false;
  #done: Promise<unknown> = Promise.resolve();

  /**
   * @param name the beginning of its messages; must be unused in the queue, which has to exist
   * @param options of each new connection, such as whom it trusts by then
   */
  constructor(
    uri: string,
    name: string,
    queue: string,
    options: () => Readonly<Record<string, unknown>> = () => ({}),
  ) {
    this.#uri = uri;
    this.#name = name;
    this.#queue = queue;
    this.#options = options;
  }

  start(): void {
    this.#done = Promise.all([this.#publish(), this.#logIn()]);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  async #publish(): Promise<void> {
    try {
      const named = { clientProperties: { connection_name: this.#name } };
      const connection = await amqp.connect(this.#uri, { ...this.#options(), ...named });
      connection.on("error", (error: Error) => this.errors.push(error.message));
      connection.on("close", () => this.#isStopping || this.errors.push("the connection was closed"));
      const channel = await connection.createConfirmChannel();
      for (let number = 0; !this.#isStopping; number++) {
        const message = `${this.#name}-${number}`;
        channel.sendToQueue(this.#queue, Buffer.from(message), { persistent: true });
        await channel.waitForConfirms();
        this.confirmed.push(message);
        await pause(publishEveryMs);
      }
      await connection.close();
    } catch (error) {
      this.errors.push(String(error));
    }
  }

  async #logIn(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await (await amqp.connect(this.#uri, this.#options())).close();
        this.logins += 1;
      } catch (error) {
        this.errors.push(String(error));
      }
      await pause(connectEveryMs);
    }
  }
}

/** Looks at the command lines of all processes on this computer, a lab's included, until it is stopped. */
export class CommandLineWatch {
  readonly #seen = new Set<string>();
  readonly #timer = setInterval(() => this.#look(), 40).unref();

  /** @returns the command lines with one of the texts */
  stop(texts: readonly string[]): string[] {
    clearInterval(this.#timer);
    return [...this.#seen].filter((line) => texts.some((text) => line.includes(text)));
  }

  #look(): void {
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
      try {
        this.#seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "));
      } catch {
        continue;
      }
    }
  }
}
