/** The patterns of policies: Perl's regular expressions (PCRE), which JavaScript's are not quite. */

const leadingFlags = /^(\^?)\(\?([ims]+)\)(.*)$/s;
/** What Perl has and JavaScript says in another way: escapes, a brace or a hyphen that stands for itself, a `]` that begins a class. */
const different =
  /\\(?<escaped>.)|\{\d+(?:,\d*)?\}|(?<brace>[{}])|(?<=\\[wds])(?<hyphen>-)|(?<class>\[\^?\])/gs;

/** RabbitMQ compares bytes, not characters (`re:run` without `unicode`, in 3.8 to 4.3). */
const asBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const itself = (character: string): string => `\\u{${character.charCodeAt(0).toString(16)}}`;

type Matcher = (name: string) => boolean;

/** A policy is compared with each queue, so each pattern is translated once. */
const known = new Map<string, Matcher | undefined>();

/** @returns a test for names; undefined for a pattern of which only RabbitMQ knows what it matches */
export function matcherOf(pattern: string): Matcher | undefined {
  if (!known.has(pattern)) known.set(pattern, translate(pattern));
  return known.get(pattern);
}

/**
 * Strict ("u"), so that what JavaScript would read in another way than RabbitMQ, or not at all, is no expression:
 * `[[:digit:]]`, `(?>a)`, `a++`.
 */
function translate(pattern: string): Matcher | undefined {
  const [, anchor = "", flags = "", rest = pattern] = leadingFlags.exec(pattern) ?? [];
  const bytes = asBytes(anchor + rest);
  if ([...bytes.matchAll(different)].some(({ groups }) => groups?.["class"] !== undefined)) return undefined;
  const plain = bytes.replaceAll(different, (whole: string, ...found: unknown[]) => {
    const { escaped, brace, hyphen } = found.at(-1) as Readonly<Record<string, string | undefined>>;
    if (escaped === "A") return "^";
    if (escaped === "z" || escaped === "Z") return "$";
    if (escaped !== undefined) return /[A-Za-z0-9]/.test(escaped) ? whole : itself(escaped);
    return brace === undefined && hyphen === undefined ? whole : itself(whole);
  });
  try {
    const expression = new RegExp(plain, `${flags}u`);
    return (name) => expression.test(asBytes(name));
  } catch {
    return undefined;
  }
}
