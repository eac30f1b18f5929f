/** What a queue does with messages and with itself: its arguments and its policies, whichever is stricter. */
import { type Fields, numberOf, textOf } from "./fields.ts";
import type { QueueLimits } from "./plan.ts";
import { type Policy, policyFor, type PolicySubject } from "./policies.ts";

interface Policies {
  readonly policies: readonly Policy[];
  readonly operatorPolicies: readonly Policy[];
}

export function limitsOf(
  given: Fields,
  subject: PolicySubject,
  { policies, operatorPolicies }: Policies,
): QueueLimits {
  const definitions = [operatorPolicies, policies].map(
    (each): Fields => policyFor(each, subject)?.definition ?? {},
  );
  const least = (key: string): number | undefined => {
    const values = [given[`x-${key}`], ...definitions.map((each) => each[key])].flatMap(
      (value) => numberOf(value) ?? [],
    );
    return values.length === 0 ? undefined : Math.min(...values);
  };
  const stated = (key: string): string[] =>
    definitions.map((each) => textOf(each[key])).filter((text) => text !== "");
  const argument = (key: string): string[] => [textOf(given[`x-${key}`])].filter((text) => text !== "");
  const limits: Record<keyof QueueLimits, number | string | undefined> = {
    ttlMs: least("message-ttl"),
    expiresMs: least("expires"),
    maxLength: least("max-length"),
    maxBytes: least("max-length-bytes"),
    // In a quorum queue the policy decides, in a classic one the argument.
    overflow: (subject.type === "quorum"
      ? [...stated("overflow"), ...argument("overflow")]
      : [...argument("overflow"), ...stated("overflow")])[0],
    deadLetterExchange: [...argument("dead-letter-exchange"), ...stated("dead-letter-exchange")][0],
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
