/** What a queue that was made in the new cluster becomes in the old one. */
import { asMap, type DefinitionObject } from "../definitions/exported-definitions.ts";

/** The arguments of quorum queues that a classic one does not know. */
const quorumOnly = [
  "x-queue-type",
  "x-delivery-limit",
  "x-quorum-initial-group-size",
  "x-quorum-target-group-size",
  "x-queue-leader-locator",
  "x-dead-letter-strategy",
];

/** @returns the queue as the old cluster has its own: classic, mirrored by the policy of its stack; a stream as it is */
export function returnQueue(queue: DefinitionObject): DefinitionObject {
  const given = asMap(queue["arguments"]);
  if (given["x-queue-type"] === "stream" || queue["type"] === "stream") return queue;
  const kept = Object.entries(given).filter(([key]) => !quorumOnly.includes(key));
  return { ...queue, type: "classic", arguments: Object.fromEntries(kept) };
}
