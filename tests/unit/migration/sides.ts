/** Two clusters between which nothing stands, for tests. */
import type { LookArgs, Side } from "../../../migration/look.ts";
import type { ClusterState } from "../../../migration/state.ts";
import { definitionsOf, queue, user } from "../definitions/draft.ts";
import { four } from "./targets.ts";

const nowMs = 1_800_000_000_000;

export function stateOf(name: string, version: string, changes: Partial<ClusterState> = {}): ClusterState {
  const nodes = [1, 2, 3].map((index) => `rabbit@${name}${index}`);
  const { classic, quorum, stream } = four.queueTypes;
  const can = (each: typeof classic) => ({
    arguments: [...each.arguments],
    unsupported_policies: [...each.unsupportedPolicyKeys],
  });
  return {
    version,
    members: nodes,
    running: nodes,
    nodes: nodes.map((node) => ({
      name: node,
      version,
      time_ms: nowMs,
      disk_free: 10_000_000_000,
      disk_limit: 50_000_000,
    })),
    plugins: ["rabbitmq_management", "rabbitmq_shovel"],
    alarms: [],
    partitions: [],
    queues: [],
    exclusive_queues: 0,
    reached: [],
    connections: [],
    global_prefetch: 0,
    default_queue_type: "quorum",
    relaxed_checks: true,
    max_message_size: 134217728,
    permits: [...four.permits],
    exchange_types: [...four.exchangeTypes],
    components: [...four.components],
    policy_keys: [...four.policyKeys],
    queue_types: { classic: can(classic), quorum: can(quorum), stream: can(stream) },
    ...changes,
  };
}

export const held = (name: string, ready: number, bytes = 0): ClusterState["queues"][number] => ({
  vhost: "/",
  name,
  ready,
  unacknowledged: 0,
  consumers: 1,
  bytes,
  sole_consumer: false,
});

interface Changes {
  readonly old?: Partial<Side>;
  readonly fresh?: Partial<Side>;
  readonly oldState?: Partial<ClusterState>;
  readonly freshState?: Partial<ClusterState>;
  readonly hasSameAdmin?: boolean;
}

/** OLD has one mirrored queue `work` with ten messages; NEW is empty. */
export function sidesOf({ old, fresh, oldState, freshState, hasSameAdmin = true }: Changes = {}): LookArgs {
  const newNodes = stateOf("n", "4.0.5").running;
  const hosts = ["10.0.0.1", "10.0.0.2"];
  const reached = newNodes.flatMap((node) =>
    hosts.map((host) => ({ node, host, port: 5672, failure: null })),
  );
  const mirrors = {
    ...{ name: "ha-all", vhost: "/", pattern: "^", "apply-to": "all", priority: 0 },
    definition: { "ha-mode": "all" },
  };
  return {
    old: {
      stack: "old",
      askedMs: nowMs - 500,
      answeredMs: nowMs + 500,
      definitions: definitionsOf({ users: [user("admin")], queues: [queue("work")], policies: [mirrors] }),
      own: { adminUser: "admin", policyName: "ha-all" },
      policy: { "ha-mode": "all" },
      state: stateOf("o", "3.10.8", { queues: [held("work", 10, 1000)], ...oldState }),
      ...old,
    },
    fresh: {
      stack: "new",
      askedMs: nowMs - 500,
      answeredMs: nowMs + 500,
      definitions: definitionsOf({ users: [user("admin")] }, "4.0.5"),
      own: { adminUser: "admin", policyName: "quorum-all" },
      policy: { "delivery-limit": 20 },
      state: stateOf("n", "4.0.5", { reached, ...freshState }),
      ...fresh,
    },
    endpointCount: hosts.length,
    hasSameAdmin,
  };
}
