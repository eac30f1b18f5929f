/** What NEW makes of OLD's policies and operator policies. */
import type { DefinitionObject } from "../definitions/exported-definitions.ts";
import { fieldsOf, without } from "./fields.ts";
import { becomes, blocks, type Note } from "./notes.ts";
import type { Origin, Target } from "./plan.ts";
import {
  hinderingKeys,
  isMeantFor,
  objectOf,
  operatorParameterOf,
  patternNotes,
  patternOf,
  type Policy,
  policyFor,
} from "./policies.ts";
import type { NewPolicies, QueueContext, QueueKinds } from "./queues.ts";

interface TranslatedPolicy {
  /** Undefined if nothing is left of it. */
  readonly policy: Policy | undefined;
  readonly notes: readonly Note[];
}

/** A policy or the parameter of an operator policy, as definitions have it, and what comes of it. */
export interface PolicyOutcome {
  readonly category: "policies" | "parameters";
  readonly former: DefinitionObject;
  readonly object: DefinitionObject | undefined;
  readonly notes: readonly Note[];
}

/** A queue as it was declared, and what it was and will be. */
export type DecidedQueue = QueueKinds & { readonly queue: DefinitionObject };

/** @returns what comes of OLD's policies, and those that NEW will have from OLD */
export function translatePolicies(
  { policies, operatorPolicies, target }: QueueContext,
  queues: readonly DecidedQueue[],
  origin: Origin,
): { readonly outcomes: readonly PolicyOutcome[]; readonly onNew: NewPolicies } {
  const own = policies.find(({ vhost, name }) => vhost === "/" && name === origin.policyName);
  const translated = [
    ...policies
      .filter(({ name }) => name !== origin.policyName)
      .map((former) => ({ former, ...translatePolicy(former, queues, target) })),
    ...(own === undefined ? [] : [{ former: own, policy: undefined, notes: ownPolicyNotes(own, target) }]),
  ];
  const translatedOperators = operatorPolicies.map((former) => ({
    former,
    ...translatePolicy(former, queues, target),
  }));
  const kept = (each: readonly TranslatedPolicy[]): Policy[] => each.flatMap(({ policy }) => policy ?? []);
  const rejecting = queues.filter(
    ({ queue, to }) => to === "quorum" && fieldsOf(queue["arguments"])["x-overflow"] === rejectAndDeadLetter,
  );
  const added = overflowPolicies(rejecting, kept(translatedOperators));
  const outcomes = [
    ...translated.map(({ former, policy, notes }) => ({
      category: "policies" as const,
      former: objectOf(former),
      object: policy === undefined ? undefined : objectOf(policy),
      notes,
    })),
    ...translatedOperators.map(({ former, policy, notes }) => ({
      category: "parameters" as const,
      former: operatorParameterOf(former),
      object: policy === undefined ? undefined : operatorParameterOf(policy),
      notes,
    })),
    ...added.map((policy) => ({
      category: "parameters" as const,
      former: {},
      object: operatorParameterOf(policy),
      notes: [],
    })),
  ];
  return {
    outcomes,
    onNew: { policies: kept(translated), operatorPolicies: [...kept(translatedOperators), ...added] },
  };
}

/** Of classic queues alone; a policy that has one is not applied to a quorum queue at all. */
const classicKeys = ["queue-mode", "queue-master-locator", "queue-version", "max-priority"];
const rejectAndDeadLetter = "reject-publish-dlx";

const isMirrorKey = (key: string): boolean => key.startsWith("ha-");

/** @param queues those of the policy's virtual host and others, as they will be */
function translatePolicy(former: Policy, queues: readonly QueueKinds[], target: Target): TranslatedPolicy {
  const meant = queues.filter((queue) => isMeantFor(former, { ...queue, type: formerType(queue) }));
  const notes = patternNotes(former);
  const keys = Object.keys(former.definition);
  const mirrorKeys = keys.filter(isMirrorKey);
  const dropped = [...mirrorKeys, ...keys.filter((key) => classicKeys.includes(key))];
  const unknown = keys.filter((key) => !dropped.includes(key) && !target.policyKeys.includes(key));
  for (const key of unknown) notes.push(unknownKey(key, target));
  const definition = { ...without(former.definition, [...dropped, ...unknown]) };
  if (definition["overflow"] === rejectAndDeadLetter && meant.some(({ to }) => to === "quorum")) {
    definition["overflow"] = "reject-publish";
    notes.push(
      becomes(
        "overflow: reject-publish-dlx → reject-publish",
        "a quorum queue does not dead-letter what it rejects; the publisher is told by a nack",
        "let publishers send what was rejected elsewhere themselves",
      ),
    );
  }
  if (Object.keys(definition).length === 0)
    return { policy: undefined, notes: [...notes, ...(unknown.length > 0 ? [] : [nothingLeft(target)])] };
  if (dropped.length > 0)
    notes.push(
      becomes(`goes without ${dropped.sort().join(", ")}`, `they are of mirrored and classic queues only`),
    );
  const appliesTo = appliesToOnNew(former, meant);
  if (appliesTo !== former.appliesTo)
    notes.push(
      becomes(`is applied to ${appliesTo}, no longer to classic_queues`, "its queues become quorum queues"),
    );
  const policy = { ...former, definition, appliesTo };
  return { policy, notes: [...notes, ...hindranceNotes(policy, meant, target)] };
}

const formerType = ({ from }: QueueKinds): "classic" | "quorum" | "stream" =>
  from === "mirrored" ? "classic" : from;

function unknownKey(key: string, { version }: Target): Note {
  const plugin = key.startsWith("federation-upstream") ? "rabbitmq_federation" : undefined;
  return blocks(
    `has the key ${key}, which NEW does not know`,
    plugin === undefined ? `RabbitMQ ${version} has no such key` : `it is of the plug-in ${plugin}`,
    plugin === undefined
      ? "take the key out of OLD's policy, or add the plug-in that it is of to rabbitmq.plugins of NEW and run up"
      : `add ${plugin} to rabbitmq.plugins of NEW and run up`,
  );
}

const nothingLeft = ({ version }: Target): Note =>
  becomes(
    "is left out, because nothing remains of it",
    `RabbitMQ ${version} has no mirrors; a quorum queue has a copy on each of up to three brokers by itself`,
  );

function appliesToOnNew({ appliesTo }: Policy, meant: readonly QueueKinds[]): string {
  if (appliesTo !== "classic_queues" || meant.every(({ to }) => to === "classic")) return appliesTo;
  return meant.every(({ to }) => to === "quorum") ? "quorum_queues" : "queues";
}

/** A policy that RabbitMQ does not apply is worse than none: nobody is told. */
function hindranceNotes(policy: Policy, meant: readonly QueueKinds[], target: Target): Note[] {
  const types = [...new Set(meant.filter(({ from, to }) => from !== to).map(({ to }) => to))];
  return types.flatMap((type) => {
    const keys = hinderingKeys(policy, type, target);
    if (keys.length === 0) return [];
    return [
      blocks(
        `is not applied to ${type} queues because of ${keys.join(", ")}`,
        "RabbitMQ applies a policy as a whole or not at all",
        `give OLD a policy for ${type === "quorum" ? "these queues" : "queues that delete themselves"} without that key`,
      ),
    ];
  });
}

/**
 * Operator policies for queues that are declared with reject-publish-dlx. The declaration has to stay, since a client's
 * is compared with it; and alone it would let a quorum queue drop its oldest messages.
 */
function overflowPolicies(queues: readonly QueueKinds[], operatorPolicies: readonly Policy[]): Policy[] {
  return queues.map(({ vhost, name }) => {
    const other = policyFor(operatorPolicies, { vhost, name, type: "quorum" });
    return {
      vhost,
      name: `overflow of ${name}`,
      pattern: patternOf(name),
      appliesTo: "queues",
      priority: (other?.priority ?? 0) + 1,
      definition: { ...other?.definition, overflow: "reject-publish" },
    };
  });
}

/** What OLD's own policy says besides mirrors, and NEW's does not. */
function ownPolicyNotes(former: Policy, target: Target): Note[] {
  const said = Object.entries(former.definition).filter(
    ([key, value]) =>
      !isMirrorKey(key) &&
      !classicKeys.includes(key) &&
      JSON.stringify(fieldsOf(target.policy)[key]) !== JSON.stringify(value),
  );
  if (said.length === 0) return patternNotes(former);
  const text = said.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(", ");
  return [
    ...patternNotes(former),
    blocks(
      `is the stack's own and stays in OLD; it says ${text}, which NEW's does not`,
      "each stack sets its own policy",
      `add { ${text} } to rabbitmq.policy.definition of NEW and run up`,
    ),
  ];
}
