/** Text as Erlang, whatever characters it has. */
export function binary(text: string): string {
  return `base64:decode(<<"${Buffer.from(text).toString("base64")}">>)`;
}
