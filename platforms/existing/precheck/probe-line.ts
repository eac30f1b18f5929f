/** A value that the probe prints, as its first word and the rest. */
export function splitAtSpace(text: string): [first: string, rest: string] {
  const at = text.indexOf(" ");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1).trim()];
}
