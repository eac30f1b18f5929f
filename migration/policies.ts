/** Which policy a queue has, and what NEW makes of OLD's policies. */
import type { DefinitionObject, Definitions } from "../definitions/exported-definitions.ts";
import { matcherOf } from "../hosts/policy-pattern.ts";
import { type Fields, fieldsOf, numberOf, textOf } from "./fields.ts";
import { blocks, type Note } from "./notes.ts";
import type { QueueType, Target } from "./plan.ts";

/** A policy or an operator policy. */
export interface Policy {
  readonly vhost: string;
  readonly name: string;
  readonly pattern: string;
  readonly appliesTo: string;
  readonly priority: number;
  readonly definition: Fields;
}

/** A queue, as policies see it. */
export interface PolicySubject {
  readonly vhost: string;
  readonly name: string;
  readonly type: QueueType;
}

export const operatorPolicyComponent = "operator_policy";

const withDefaults = (fields: Fields, vhost: unknown, name: unknown): Policy => ({
  vhost: textOf(vhost),
  name: textOf(name),
  pattern: textOf(fields["pattern"]),
  appliesTo: textOf(fields["apply-to"]) || "all",
  priority: numberOf(fields["priority"]) ?? 0,
  definition: fieldsOf(fields["definition"]),
});

export const policyOf = (object: DefinitionObject): Policy =>
  withDefaults(object, object["vhost"], object["name"]);

export function policiesOf({ policies }: Pick<Definitions, "policies">): Policy[] {
  return policies.map(policyOf);
}

export function operatorPoliciesOf({ parameters }: Pick<Definitions, "parameters">): Policy[] {
  return parameters
    .filter(({ component }) => component === operatorPolicyComponent)
    .map((object) => withDefaults(fieldsOf(object["value"]), object["vhost"], object["name"]));
}

/** @returns the policy as definitions have it */
export function objectOf({
  vhost,
  name,
  pattern,
  appliesTo,
  priority,
  definition,
}: Policy): DefinitionObject {
  return { vhost, name, pattern, "apply-to": appliesTo, priority, definition };
}

/** @returns the parameter that sets an operator policy */
export function operatorParameterOf(policy: Policy): DefinitionObject {
  const { vhost, name, pattern, appliesTo, priority, definition } = policy;
  return {
    vhost,
    component: operatorPolicyComponent,
    name,
    value: { pattern, "apply-to": appliesTo, priority, definition },
  };
}

/** @returns a pattern that is this name alone */
export function patternOf(name: string): string {
  return `^${name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}$`;
}

const kinds: Readonly<Record<string, readonly QueueType[]>> = {
  all: ["classic", "quorum", "stream"],
  queues: ["classic", "quorum", "stream"],
  classic_queues: ["classic"],
  quorum_queues: ["quorum"],
  streams: ["stream"],
};

/** Whether a policy is meant for a queue. One whose pattern cannot be read is for none; a migration does not begin with it. */
export function isMeantFor({ vhost, pattern, appliesTo }: Policy, subject: PolicySubject): boolean {
  if (vhost !== subject.vhost || kinds[appliesTo]?.includes(subject.type) !== true) return false;
  return matcherOf(pattern)?.(subject.name) ?? false;
}

/** @returns what stands against a migration if only RabbitMQ knows which queues a policy is for */
export function patternNotes({ pattern, appliesTo }: Policy): Note[] {
  if (kinds[appliesTo] === undefined || matcherOf(pattern) !== undefined) return [];
  return [
    blocks(
      `has the pattern ${pattern}, of which only RabbitMQ knows what it matches`,
      "what becomes of a policy depends on the queues that it is for",
      "write OLD's pattern with what JavaScript's regular expressions have too: [0-9] for [[:digit:]], a+ for a++",
    ),
  ];
}

/** @returns the keys for which a broker does not apply a policy to a queue of this type */
export function hinderingKeys({ definition }: Policy, type: QueueType, { queueTypes }: Target): string[] {
  return Object.keys(definition).filter((key) => queueTypes[type].unsupportedPolicyKeys.includes(key));
}

/**
 * @param target the brokers that apply them; without it each policy is taken as applicable
 * @returns the policy that a queue has: the one of the highest priority among those that are meant for it
 */
export function policyFor(
  policies: readonly Policy[],
  subject: PolicySubject,
  target?: Target,
): Policy | undefined {
  return policies
    .filter((policy) => isMeantFor(policy, subject))
    .filter((policy) => target === undefined || hinderingKeys(policy, subject.type, target).length === 0)
    .reduce<Policy | undefined>(
      (best, each) => (best === undefined || each.priority > best.priority ? each : best),
      undefined,
    );
}
