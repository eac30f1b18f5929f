/** Scans an advanced.config as far as the program has to understand it; Erlang itself judges the rest on the hosts. */

/** One application of an advanced.config. */
export interface ErlangApplication {
  readonly name: string;
  /** Each setting as it was written, without comments, such as `{consumer_timeout, undefined}`. */
  readonly settings: readonly string[];
}

export interface Token {
  readonly kind: "open" | "close" | "comma" | "dot" | "string" | "word";
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
  /** The white space before it; of several lines, and of comments, only the last line break and the indentation. */
  readonly gap: string;
}

export interface ErlangSetting {
  readonly application: string;
  readonly key: string;
  readonly value: readonly Token[];
  readonly tokens: readonly Token[];
  readonly line: number;
}

/** What is wrong, with the line in the user's text. */
export class TermsError extends Error {}

const closing: Readonly<Record<string, string>> = {
  "[": "]",
  "{": "}",
  "(": ")",
  "#{": "}",
  "<<": ">>",
};

/** The first that matches counts. A dot ends the text only before white space, and `$x` is a character. */
const kinds: readonly (readonly [Token["kind"] | "skipped", RegExp])[] = [
  ["skipped", /\s+|%[^\n]*/y],
  ["string", /"(?:[^"\\\n]|\\[^\n])*"/y],
  ["word", /'(?:[^'\\\n]|\\[^\n])*'|\$(?:\\[^\n]|[^\n])/y],
  ["word", /-?\d[\w#]*(?:\.\d\w*(?:[eE]-\d+)?)?|[\p{L}_][\p{L}\p{N}_@]*/uy],
  ["open", /<<|#\{|[[{(]/y],
  ["close", />>|[\]})]/y],
  ["comma", /,/y],
  ["dot", /\.(?=\s|%|$)/y],
  ["word", /[^"']/y],
];

function fault(line: number, message: string): TermsError {
  return new TermsError(`line ${String(line)}: ${message}`);
}

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  let [position, line, gap] = [0, 1, ""];
  while (position < text.length) {
    const [kind, found] = matchAt(text, position);
    if (found === "")
      throw fault(line, `a ${text.charAt(position)} that is not closed on its line; close it`);
    if (kind === "skipped") gap += found;
    else {
      tokens.push({ kind, text: found, line, gap: gap.replace(/^[^]*\n/, "\n") });
      gap = "";
    }
    position += found.length;
    line += found.split("\n").length - 1;
  }
  return tokens;
}

function matchAt(text: string, position: number): [Token["kind"] | "skipped", string] {
  for (const [kind, pattern] of kinds) {
    pattern.lastIndex = position;
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) return [kind, found];
  }
  return ["word", ""];
}

/** Checks that the tokens are one term with all its brackets, and a dot behind it. */
function checkBalance(tokens: readonly Token[]): void {
  const open: Token[] = [];
  const unclosed = ({ text, line }: Token): TermsError =>
    fault(line, `the ${text} is not closed; write ${closing[text] ?? ""} where it ends`);
  for (const [index, token] of tokens.entries()) {
    const last = open.at(-1);
    if (token.kind === "open") open.push(token);
    if (token.kind === "close") {
      if (last === undefined) throw fault(token.line, `the ${token.text} closes nothing; remove it`);
      if (closing[last.text] !== token.text) throw unclosed(last);
      open.pop();
    }
    const next = tokens[index + 1];
    if (next?.kind === "comma" && ["open", "comma"].includes(token.kind))
      throw fault(next.line, `a comma behind the ${token.text}; remove it`);
    if (token.kind === "comma" && next?.kind === "close")
      throw fault(next.line, `a comma before the ${next.text}; remove it`);
    if (token.kind === "dot" && last !== undefined) throw unclosed(last);
    if (token.kind === "dot" && index < tokens.length - 1)
      throw fault(
        tokens[index + 1]?.line ?? token.line,
        "more than one term; write one list, with one dot behind it",
      );
  }
  const [last] = open.slice(-1);
  if (last !== undefined) throw unclosed(last);
  const end = tokens.at(-1);
  if (end?.kind !== "dot") throw fault(end?.line ?? 1, "no dot at the end; write it behind the last ]");
}

/** @returns what the brackets hold, item by item; undefined if the tokens are anything but this one pair of brackets */
function itemsIn(tokens: readonly Token[], bracket: string): Token[][] | undefined {
  if (tokens[0]?.text !== bracket || tokens[0].kind !== "open") return undefined;
  const items: Token[][] = [[]];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.kind === "close") depth -= 1;
    if (depth === 0 && index > 0) return index < tokens.length - 1 ? undefined : items.filter(hasTokens);
    if (depth === 1 && token.kind === "comma") items.push([]);
    else if (depth > 0) items.at(-1)?.push(token);
    if (token.kind === "open") depth += 1;
  }
  return undefined;
}

function hasTokens(item: readonly Token[]): boolean {
  return item.length > 0;
}

/** @returns the name that a single token is, without quotes; undefined for anything else */
function nameOf(tokens: readonly Token[] = []): string | undefined {
  const [token, ...more] = tokens;
  if (token?.kind !== "word" || more.length > 0) return undefined;
  return /^'?([a-z][\w@.-]*)'?$/.exec(token.text)?.[1];
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ gap, text }, index) => (index === 0 ? text : gap + text)).join("");
}

/**
 * @param text the content of an advanced.config
 * @returns its settings, and the applications with the texts of theirs
 * @throws TermsError with the first line that is wrong, and what to write there
 */
export function readTerms(text: string): {
  readonly settings: readonly ErlangSetting[];
  readonly applications: readonly ErlangApplication[];
} {
  const tokens = scan(text);
  checkBalance(tokens);
  const line = (item: readonly Token[]): number => item[0]?.line ?? 1;
  const entries = itemsIn(tokens.slice(0, -1), "[");
  if (entries === undefined)
    throw fault(line(tokens), "not one list; write [{APPLICATION, [{KEY, VALUE}]}]. with your own");
  const settings = entries.map((entry) => {
    const [application, list = [], ...more] = itemsIn(entry, "{") ?? [];
    const name = nameOf(application);
    const items = itemsIn(list, "[");
    if (name === undefined || items === undefined || more.length > 0)
      throw fault(
        line(entry),
        "not an application with its settings; write {NAME, [{KEY, VALUE}]}, and a comma before the next one",
      );
    return { name, line: line(entry), settings: items.map((item) => readSetting(name, item)) };
  });
  refuseSecond(settings.map(({ name, line: at }) => ({ name, line: at })));
  for (const { name, settings: own } of settings)
    refuseSecond(own.map(({ key, line: at }) => ({ name: `${key} of ${name}`, line: at })));
  return {
    settings: settings.flatMap((each) => each.settings),
    applications: settings.map((each) => ({
      name: each.name,
      settings: each.settings.map((setting) => textOf(setting.tokens)),
    })),
  };
}

function readSetting(application: string, tokens: readonly Token[]): ErlangSetting {
  const [first, value = [], ...more] = itemsIn(tokens, "{") ?? [];
  const key = nameOf(first);
  const line = tokens[0]?.line ?? 1;
  if (key === undefined || value.length === 0 || more.length > 0)
    throw fault(line, `not a setting of ${application}; write {KEY, VALUE}, and a comma before the next one`);
  return { application, key, value, tokens, line };
}

function refuseSecond(list: readonly { readonly name: string; readonly line: number }[]): void {
  const second = list.find(({ name }, index) => list.findIndex((other) => other.name === name) < index);
  if (second !== undefined) throw fault(second.line, `${second.name} is there a second time; write it once`);
}
