/** The patterns of policies: Perl's regular expressions (PCRE), which JavaScript's are not quite. */

const escaped = /\\([^A-Za-z0-9])/gsu;
const leadingFlags = /^\(\?([is]+)\)(.*)$/s;

/**
 * Strict ("u"), so that what JavaScript would read in another way than RabbitMQ, or not at all, is no expression: `\A`,
 * `[[:digit:]]`, `(?>a)`, `a++`. Any character but letters and digits may be escaped, as in Perl.
 * @returns a test for names; undefined for a pattern of which only RabbitMQ knows what it matches
 */
export function matcherOf(pattern: string): ((name: string) => boolean) | undefined {
  const [, flags = "", rest = pattern] = leadingFlags.exec(pattern) ?? [];
  const plain = rest.replaceAll(
    escaped,
    (_, character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  try {
    const expression = new RegExp(plain, `${flags}u`);
    return (name) => expression.test(name);
  } catch {
    return undefined;
  }
}
