/** What RabbitMQ 4.0.5 and 4.3.6 say of themselves; the latter as its brokers have answered. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { targetOf } from "../../../migration/look.ts";
import type { Target } from "../../../migration/plan.ts";
import { type ClusterState, parseState } from "../../../migration/state.ts";

const classic = [
  "x-expires",
  "x-message-ttl",
  "x-dead-letter-exchange",
  "x-dead-letter-routing-key",
  "x-max-length",
  "x-max-length-bytes",
  "x-max-priority",
  "x-overflow",
  "x-queue-mode",
  "x-queue-version",
  "x-single-active-consumer",
  "x-queue-type",
  "x-queue-master-locator",
  "x-queue-leader-locator",
];
const quorum = [
  "x-dead-letter-exchange",
  "x-dead-letter-routing-key",
  "x-dead-letter-strategy",
  "x-expires",
  "x-max-length",
  "x-max-length-bytes",
  "x-max-in-memory-length",
  "x-max-in-memory-bytes",
  "x-overflow",
  "x-single-active-consumer",
  "x-queue-type",
  "x-quorum-initial-group-size",
  "x-delivery-limit",
  "x-message-ttl",
  "x-queue-leader-locator",
];
const stream = [
  "x-max-length-bytes",
  "x-queue-type",
  "x-max-age",
  "x-stream-max-segment-size-bytes",
  "x-initial-cluster-size",
  "x-queue-leader-locator",
];
const mirrorKeys = [
  "ha-mode",
  "ha-params",
  "ha-sync-mode",
  "ha-promote-on-shutdown",
  "ha-promote-on-failure",
];
const streamKeys = ["max-age", "stream-max-segment-size-bytes", "initial-cluster-size"];
const policyKeys = [
  ...["alternate-exchange", "consumer-timeout", "dead-letter-exchange", "dead-letter-routing-key"],
  ...["dead-letter-strategy", "message-ttl", "expires", "max-length", "max-length-bytes", "overflow"],
  ...["max-in-memory-length", "max-in-memory-bytes", "queue-mode", "queue-version", "delivery-limit"],
  ...["max-age", "stream-max-segment-size-bytes", "stream-filter-size-bytes", "queue-leader-locator"],
  ...["initial-cluster-size", "queue-master-locator", "target-group-size"],
];

export const four: Target = {
  version: "4.0.5",
  defaultQueueType: "quorum",
  hasRelaxedChecks: true,
  permits: ["transient_nonexcl_queues", "queue_master_locator", "global_qos"],
  exchangeTypes: ["direct", "fanout", "topic", "headers", "x-local-random"],
  components: ["policy", "operator_policy", "vhost-limits", "shovel"],
  policyKeys,
  queueTypes: {
    classic: {
      arguments: classic,
      unsupportedPolicyKeys: [...streamKeys, "delivery-limit", "dead-letter-strategy", "target-group-size"],
    },
    quorum: {
      arguments: quorum,
      unsupportedPolicyKeys: [
        ...["max-priority", "queue-mode", "single-active-consumer", "queue-master-locator"],
        ...mirrorKeys,
        ...streamKeys,
      ],
    },
    stream: {
      arguments: stream,
      unsupportedPolicyKeys: [
        ...["expires", "message-ttl", "dead-letter-exchange", "max-length", "overflow", "delivery-limit"],
        ...mirrorKeys,
      ],
    },
  },
  adminUser: "admin",
  policy: { "delivery-limit": 20 },
};

/** @returns the answer of a broker of this version to the question */
export function answerOf(version: string): ClusterState {
  const path = join(import.meta.dirname, "states", `${version}.json`);
  return parseState(JSON.parse(readFileSync(path, "utf8")));
}

export const fourThree: Target = {
  ...targetOf({
    state: answerOf("4.3.6"),
    own: { adminUser: "admin", policyName: "quorum-all" },
    policy: { "delivery-limit": 20 },
  }),
  hasRelaxedChecks: true,
  permits: [],
};
