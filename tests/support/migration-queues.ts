/** The queues of the load under which a cluster is migrated. */
import type { QueueSpec } from "./migration-load.ts";

type Kind = Omit<QueueSpec, "name" | "messagesPerSecond">;

const consumed = { isConsumed: true } as const;
/** It is read from its first message on at the end, so all that it has ever got has to be there, once. */
const stream = { isConsumed: false, arguments: { "x-queue-type": "stream" } } as const;
/** The name of the stream in either list. */
export const streamName = "stream";

const kinds: Readonly<Record<string, Kind>> = {
  "mirrored-1": consumed,
  "mirrored-2": consumed,
  "mirrored-3": consumed,
  located: { ...consumed, arguments: { "x-queue-master-locator": "min-masters" } },
  "priorities-1": { ...consumed, arguments: { "x-max-priority": 5 } },
  "priorities-2": { ...consumed, arguments: { "x-max-priority": 10 } },
  "expiring-1": { ...consumed, arguments: { "x-message-ttl": 3_600_000 } },
  "expiring-2": { ...consumed, arguments: { "x-expires": 3_600_000 } },
  "lazy-1": { ...consumed, arguments: { "x-queue-mode": "lazy" } },
  "lazy-2": { ...consumed, arguments: { "x-queue-mode": "lazy" } },
  sole: { ...consumed, arguments: { "x-single-active-consumer": true } },
  "dead-letter": { ...consumed, arguments: { "x-dead-letter-exchange": "amq.fanout" } },
  "limited-1": { ...consumed, arguments: { "x-max-length": 200_000 } },
  "limited-2": { isConsumed: false, backlog: 300, arguments: { "x-max-length": 200_000 } },
  "quorum-1": { ...consumed, arguments: { "x-queue-type": "quorum" } },
  "quorum-2": { ...consumed, arguments: { "x-queue-type": "quorum" } },
  "quorum-3": { ...consumed, arguments: { "x-queue-type": "quorum" } },
  [streamName]: { ...stream, backlog: 4000 },
  "backlog-1": { isConsumed: false, backlog: 4000 },
  "backlog-2": { isConsumed: false, backlog: 1000, arguments: { "x-queue-type": "quorum" } },
};

/** @returns twenty queues, of every kind @param messagesPerSecond of all publishers together */
export function queuesOfEveryKind(messagesPerSecond: number): QueueSpec[] {
  const entries = Object.entries(kinds);
  return entries.map(([name, kind]) => ({
    name,
    ...kind,
    messagesPerSecond: messagesPerSecond / entries.length,
  }));
}

/** The queue of `fewQueues` that has most messages, and so is carried for longest. */
export const largest = "backlog";

/** @returns a handful of queues @param backlog messages of the largest before the clients start */
export function fewQueues(backlog: number): QueueSpec[] {
  return [
    { name: "busy", isConsumed: true, messagesPerSecond: 50 },
    { name: "lazy", arguments: { "x-queue-mode": "lazy" }, isConsumed: true, messagesPerSecond: 20 },
    { name: "priorities", arguments: { "x-max-priority": 5 }, isConsumed: true, messagesPerSecond: 20 },
    { name: "quorum", arguments: { "x-queue-type": "quorum" }, isConsumed: true, messagesPerSecond: 20 },
    { name: streamName, ...stream, backlog: 6000, messagesPerSecond: 20 },
    { name: largest, isConsumed: false, backlog, messagesPerSecond: 10 },
  ];
}
