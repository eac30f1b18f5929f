/** Readable reasons for errors of sockets, HTTP, AMQP and SSH. */

/** The reason of everything that ended at its deadline. */
export const timeoutReason = "no answer in time";

const codeMeanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "no host answers",
  ENETUNREACH: "no route to the network",
  ETIMEDOUT: "no answer",
  ENOTFOUND: "no such host name",
  EAI_AGAIN: "the name service does not answer",
  EPIPE: "connection closed",
  UND_ERR_SOCKET: "connection closed by the other side",
};

/** The properties that Node adds to errors of system calls. */
interface SystemError extends Error {
  readonly code: string;
  readonly address?: string;
  readonly port?: number;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** @returns why something failed, as one readable line without a stack trace */
export function reasonOf(error: unknown): string {
  // A name with several addresses, or several hosts, can fail together. The first error is reported.
  if (error instanceof AggregateError) return reasonOf(error.errors[0] ?? error.message);
  if (!(error instanceof Error)) return String(error);
  // When an AMQP connection is closed at its deadline, only the message of the pending call says so.
  if (error.name === "TimeoutError" || error.message.includes("aborted due to timeout")) return timeoutReason;
  // An error such as `fetch failed` is generic; its cause has the reason.
  if (error.cause instanceof Error && !isSystemError(error)) return reasonOf(error.cause);
  if (isSystemError(error)) {
    const meaning = codeMeanings[error.code];
    const { address, port } = error;
    const where =
      address === undefined ? "" : ` at ${address}${port === undefined ? "" : `:${String(port)}`}`;
    if (meaning !== undefined) return `${meaning}${where} (${error.code})`;
  }
  return error.message.split("\n", 1)[0] ?? error.name;
}

/** @returns the thrown value as an Error, since any value can be thrown */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
