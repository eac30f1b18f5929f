/**
 * Text as Go's standard library writes it, because the real provider's messages contain it.
 */

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\u0007", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** The verb %q: a double-quoted Go string (https://pkg.go.dev/strconv#Quote). */
export function quote(text: string): string {
  let result = '"';
  for (const character of text) {
    result += SHORT_ESCAPES.get(character) ?? escapedUnlessPrintable(character);
  }
  return `${result}"`;
}

function escapedUnlessPrintable(character: string): string {
  if (character === " " || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) {
    return character;
  }
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) {
    return `\\x${code.toString(16).padStart(2, "0")}`;
  }
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Go's text for the system errors that a dial or the start of a program can fail with. */
const ERRNO_TEXT: ReadonlyMap<string, string> = new Map([
  ["EACCES", "permission denied"],
  ["ECONNABORTED", "software caused connection abort"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset by peer"],
  ["EHOSTUNREACH", "no route to host"],
  ["EISDIR", "is a directory"],
  ["ENETUNREACH", "network is unreachable"],
  ["ENOENT", "no such file or directory"],
  ["ENOEXEC", "exec format error"],
  ["ENOTDIR", "not a directory"],
  ["EPERM", "operation not permitted"],
  ["EPIPE", "broken pipe"],
  ["ETIMEDOUT", "connection timed out"],
]);

export function errnoText(code: string | undefined): string | undefined {
  return code === undefined ? undefined : ERRNO_TEXT.get(code);
}

/** The system error code of a thrown value, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
