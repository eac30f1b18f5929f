/** JSON from outside. */

/** @returns undefined for a text that is not whole JSON: the parser's message would quote it, and it may hold a secret */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
