import { StringDecoder } from "node:string_decoder";
import type { Captured } from "./operation.ts";

/** Which of a command's streams are logged; the default is both, an unknown mode is none. */
function loggedStreams(mode: string | undefined): { stdout: boolean; stderr: boolean } {
  const both = mode === undefined || mode === "stdoutAndStderr";
  return { stdout: both || mode === "stdout", stderr: both || mode === "stderr" };
}

/** Keeps what a command writes, and logs it line by line while it runs. */
export class Recorder {
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  readonly #both: Buffer[] = [];
  readonly #lines: LineLogger;
  readonly #logged: { stdout: boolean; stderr: boolean };

  constructor(logging: string | undefined, log: (line: string) => Promise<void>) {
    this.#lines = new LineLogger(log);
    this.#logged = loggedStreams(logging);
  }

  readonly stdout = (chunk: Buffer): void => {
    this.#keep(chunk, this.#out, this.#logged.stdout);
  };

  readonly stderr = (chunk: Buffer): void => {
    this.#keep(chunk, this.#err, this.#logged.stderr);
  };

  /** Waits until the engine has every line. */
  async end(): Promise<void> {
    await this.#lines.end();
  }

  captured(): Captured {
    return { stdout: withoutLastNewline(this.#out), stderr: withoutLastNewline(this.#err) };
  }

  /** Both streams as they came, which is what the message of a failed command ends with. */
  combined(): string {
    return Buffer.concat(this.#both).toString();
  }

  #keep(chunk: Buffer, stream: Buffer[], logged: boolean): void {
    stream.push(chunk);
    this.#both.push(chunk);
    if (logged) {
      this.#lines.write(chunk);
    }
  }
}

/** Captured output loses one newline at its end, no more. */
function withoutLastNewline(chunks: readonly Buffer[]): string {
  const text = Buffer.concat(chunks).toString();
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/**
 * Cuts output into lines and logs them in order.
 *
 * Both streams of a command share one splitter, so that half lines of the two run together as they
 * do in the real provider. A line over 64 KiB stops the real one for ever; here it is just a line.
 */
class LineLogger {
  readonly #log: (line: string) => Promise<void>;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #sent: Promise<void> = Promise.resolve();

  constructor(log: (line: string) => Promise<void>) {
    this.#log = log;
  }

  write(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    lines.forEach((line) => {
      this.#enqueue(line);
    });
  }

  async end(): Promise<void> {
    const last = this.#rest + this.#decoder.end();
    if (last !== "") {
      this.#enqueue(last);
    }
    await this.#sent;
  }

  #enqueue(line: string): void {
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    this.#sent = this.#sent.then(() => this.#log(text));
  }
}
