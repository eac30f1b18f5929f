/** Errors of sockets, HTTP, AMQP and SSH in words. */

/** The cause of everything that ended at its deadline. */
export const late = "no answer in time";

const meanings: Readonly<Record<string, string>> = {
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

/** What Node attaches to the errors of system calls. */
interface SystemError extends Error {
  readonly code: string;
  readonly address?: string;
  readonly port?: number;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** @returns why something failed, in one line for a person: never a stack trace */
export function because(error: unknown): string {
  // A name with several addresses, or several hosts that were asked, fail together; the first one speaks.
  if (error instanceof AggregateError) return because(error.errors[0] ?? error.message);
  if (!(error instanceof Error)) return String(error);
  // An AMQP connection that is cut off at its deadline says so only in the text of what waited on it.
  if (error.name === "TimeoutError" || error.message.includes("aborted due to timeout")) return late;
  // `fetch failed`, say: the interesting error is the one below it.
  if (error.cause instanceof Error && !isSystemError(error)) return because(error.cause);
  if (isSystemError(error)) {
    const meaning = meanings[error.code];
    const { address, port } = error;
    const where =
      address === undefined ? "" : ` at ${address}${port === undefined ? "" : `:${String(port)}`}`;
    if (meaning !== undefined) return `${meaning}${where} (${error.code})`;
  }
  return error.message.split("\n", 1)[0] ?? error.name;
}

/** @returns what was thrown as an error: anything can be thrown */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
