import { StringDecoder } from "node:string_decoder";
import type { Captured } from "./operation.ts";

/** Which of a command's streams are logged: by default both, with an unknown mode none. */
function loggedStreams(mode: string | undefined): { stdout: boolean; stderr: boolean } {
  const both = mode === undefined || mode === "stdoutAndStderr";
  return { stdout: both || mode === "stdout", stderr: both || mode === "stderr" };
}

/** Captures a command's output, and logs it line by line while the command runs. */
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
    this.#record(chunk, this.#out, this.#logged.stdout);
  };

  readonly stderr = (chunk: Buffer): void => {
    this.#record(chunk, this.#err, this.#logged.stderr);
  };

  /** Waits until the engine has received every line. */
  async end(): Promise<void> {
    await this.#lines.end();
  }

  captured(): Captured {
    return { stdout: withoutLastNewline(this.#out), stderr: withoutLastNewline(this.#err) };
  }

  /** Both streams in the order of arrival; the message of a failed command ends with them. */
  combined(): string {
    return Buffer.concat(this.#both).toString();
  }

  #record(chunk: Buffer, stream: Buffer[], logged: boolean): void {
    stream.push(chunk);
    this.#both.push(chunk);
    if (logged) {
      this.#lines.write(chunk);
    }
  }
}

/** Removes one newline at the end of captured output, no more. */
function withoutLastNewline(chunks: readonly Buffer[]): string {
  const text = Buffer.concat(chunks).toString();
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/**
 * Splits output into lines and logs them in order.
 *
 * Both streams of a command share one splitter, so partial lines of the two are joined as in the real
 * provider. A line over 64 KiB blocks the real one for ever; here it is logged like any other.
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
