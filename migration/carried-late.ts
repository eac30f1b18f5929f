/** Which queues are not carried while clients still use the source. */
import type { Definitions } from "../definitions/exported-definitions.ts";
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
  const policies = { policies: policiesOf(target), operatorPolicies: operatorPoliciesOf(target) };
  const found = target.queues.flatMap((queue): [string, string][] => {
    const [vhost, name, type] = [textOf(queue["vhost"]), textOf(queue["name"]), typeOf(queue)];
    const subject = { vhost, name, type: isQueueType(type) ? type : "classic" } as const;
    const limits = limitsOf(fieldsOf(queue["arguments"]), subject, policies);
    const reasons = [
      ...(limits.expiresMs === undefined ? [] : ["it is deleted when nobody uses it for a while"]),
      ...(limits.ttlMs === undefined ? [] : ["its messages expire"]),
      ...(overflows(limits) ? ["its length is limited"] : []),
      ...(queue["auto_delete"] === true ? ["it is deleted with its last consumer"] : []),
    ];
    return reasons.length === 0 ? [] : [[queueKey({ vhost, name }), reasons.join(", ")]];
  });
  return new Map(found);
}
