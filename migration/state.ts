/** What a broker says of its cluster, read and checked: a part that did not come is undefined, and never taken for none. */
import { z } from "zod";
import { queueKey, type QueueDepth } from "./plan.ts";

const count = z.number().nullable();
const abilities = z.object({
  arguments: z.array(z.string()),
  unsupported_policies: z.array(z.string()),
});
const answer = z.object({
  version: z.string(),
  members: z.array(z.string()).min(1),
  running: z.array(z.string()).min(1),
  nodes: z.array(
    z.object({
      name: z.string(),
      version: z.string().nullable(),
      time_ms: count,
      disk_free: count,
      disk_limit: count,
    }),
  ),
  plugins: z.array(z.string()),
  alarms: z.array(z.string()),
  partitions: z.array(z.string()),
  queues: z.array(
    z.object({
      vhost: z.string(),
      name: z.string(),
      ready: count,
      unacknowledged: count,
      consumers: count,
      bytes: count,
      sole_consumer: z.boolean(),
    }),
  ),
  exclusive_queues: z.number(),
  reached: z.array(
    z.object({ node: z.string(), host: z.string(), port: z.number(), failure: z.string().nullable() }),
  ),
  /** By whom members of the cluster are connected; the shovels and links of its own brokers apart. */
  connections: z.array(z.object({ user: z.string(), count: z.number() })).nullable(),
  global_prefetch: count,
  default_queue_type: z.enum(["classic", "quorum", "stream"]).nullable(),
  relaxed_checks: z.boolean(),
  /** Of one message, in bytes. */
  max_message_size: count,
  permits: z.array(z.string()),
  exchange_types: z.array(z.string()),
  components: z.array(z.string()),
  policy_keys: z.array(z.string()),
  queue_types: z.object({
    classic: abilities.nullable(),
    quorum: abilities.nullable(),
    stream: abilities.nullable(),
  }),
});

export type ClusterState = Readonly<z.infer<typeof answer>>;

/** An answer that is not whole; the message says what is missing. */
export class StateError extends Error {}

/** @throws StateError unless the answer has all its parts */
export function parseState(found: unknown): ClusterState {
  const { success, data, error } = answer.safeParse(found);
  if (success) return data;
  const faults = error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
  throw new StateError(`the broker's state is not whole: ${faults.slice(0, 3).join("; ")}`);
}

/** @returns by `queueKey`; a queue that did not say all is absent */
export function depthsOf({ queues }: Pick<ClusterState, "queues">): ReadonlyMap<string, QueueDepth> {
  const whole = queues.flatMap(({ vhost, name, ready, unacknowledged, consumers, bytes }) =>
    ready === null || unacknowledged === null || consumers === null || bytes === null
      ? []
      : [[queueKey({ vhost, name }), { ready, unacknowledged, consumers, bytes }] as const],
  );
  return new Map(whole);
}
