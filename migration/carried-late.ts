/** Which queues are not carried while clients still use the source. */
import type { DefinitionObject, Definitions } from "../definitions/exported-definitions.ts";
import { fieldsOf, textOf } from "./fields.ts";
import { limitsOf } from "./limits.ts";
import { queueKey, type QueueLimits } from "./plan.ts";
import { operatorPoliciesOf, policiesOf } from "./policies.ts";
import { isQueueType, typeOf } from "./queues.ts";

/** Whether messages beyond a length go elsewhere than away: one that drops its oldest has the same left in the end. */
function overflows({ maxLength, maxBytes, overflow, deadLetterExchange }: QueueLimits): boolean {
  if (maxLength === undefined && maxBytes === undefined) return false;
  return overflow?.startsWith("reject-publish") === true || deadLetterExchange !== undefined;
}

/**
 * A queue's messages could expire or be refused while they wait in the target, before its clients are there.
 * @param target what the target has, the queues of the source among it @returns by `queueKey`: why a queue waits
 */
export function whyNotAhead(target: Definitions): ReadonlyMap<string, string> {
  const limitsIn = limitsBy(target);
  const found = target.queues.flatMap((queue): [string, string][] => {
    const limits = limitsIn(queue);
    const reasons = [
      ...(limits.expiresMs === undefined ? [] : ["it is deleted when nobody uses it for a while"]),
      ...(limits.ttlMs === undefined ? [] : ["its messages expire"]),
      ...(overflows(limits) ? ["its length is limited"] : []),
      ...(queue["auto_delete"] === true ? ["it is deleted with its last consumer"] : []),
    ];
    return reasons.length === 0 ? [] : [[keyOf(queue), reasons.join(", ")]];
  });
  return new Map(found);
}

/**
 * A queue that is deleted when nobody uses it begins to wait when it is made, and what a shovel publishes is no use of it. So
 * it is made right before it is filled.
 * @param target what the target has, the queues of the source among it
 * @returns the target's definitions without these queues and their bindings
 */
export function withoutExpiring(target: Definitions): Definitions {
  const limitsIn = limitsBy(target);
  const late = new Set(target.queues.filter((queue) => limitsIn(queue).expiresMs !== undefined).map(keyOf));
  return {
    ...target,
    queues: target.queues.filter((queue) => !late.has(keyOf(queue))),
    bindings: target.bindings.filter(
      ({ vhost, destination, destination_type: type }) =>
        type !== "queue" || !late.has(queueKey({ vhost: textOf(vhost), name: textOf(destination) })),
    ),
  };
}

function keyOf(queue: DefinitionObject): string {
  return queueKey({ vhost: textOf(queue["vhost"]), name: textOf(queue["name"]) });
}

/** @returns what a queue's arguments and policies limit */
function limitsBy(target: Definitions): (queue: DefinitionObject) => QueueLimits {
  const policies = { policies: policiesOf(target), operatorPolicies: operatorPoliciesOf(target) };
  return (queue) => {
    const [vhost, name, type] = [textOf(queue["vhost"]), textOf(queue["name"]), typeOf(queue)];
    const subject = { vhost, name, type: isQueueType(type) ? type : "classic" } as const;
    return limitsOf(fieldsOf(queue["arguments"]), subject, policies);
  };
}
