/** The policy for quorum queues, and quorum as the default type of queues. */
import * as pulumi from "@pulumi/pulumi";
import { componentNames } from "../hosts/resource-names.ts";
import { createPolicySteps } from "./policy-steps.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface QuorumPolicyArgs {
  /** Every broker; the policy is set from the first one's host, which tries each broker until one accepts it. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** @default quorum-all */
  readonly policyName?: string;
  /** A regular expression on the names of queues. @default ^ */
  readonly pattern?: string;
  /**
   * What the policy does (https://www.rabbitmq.com/docs/quorum-queues#policy-support). A message that was returned more
   * often than `delivery-limit` is dropped, or goes to the dead-letter exchange if there is one.
   * @default {"delivery-limit":20}
   */
  readonly definition?: Readonly<Record<string, unknown>>;
  /** What the policy applies to; `quorum_queues` exists from RabbitMQ 3.12 on. @default queues */
  readonly appliesTo?: "all" | "queues" | "quorum_queues";
  /** The type that each virtual host gives a queue that is declared without one. @default quorum */
  readonly queueType?: "classic" | "quorum";
}

/**
 * A policy in every virtual host, and the default queue type there. It counts as set once every member has it, and it is
 * cleared on delete; the default type stays then.
 *
 * @example
 * new QuorumPolicy("quorum-policy", { nodes });
 */
export class QuorumPolicy extends pulumi.ComponentResource {
  /** Done once every member has the policy. */
  readonly set: pulumi.Resource;

  constructor(name: string, args: QuorumPolicyArgs, options: pulumi.ComponentResourceOptions = {}) {
    // As in MirrorPolicy. Earlier releases had that one with RabbitMQ 4, too.
    const aliases = [{ name: componentNames.policy.mirrored, type: "rabbitmq-ha:index:MirrorPolicy" }];
    super("rabbitmq-ha:index:QuorumPolicy", name, {}, { aliases, ...options });
    this.set = createPolicySteps(this, name, args.nodes, {
      policyName: args.policyName ?? "quorum-all",
      pattern: args.pattern ?? "^",
      definition: args.definition ?? { "delivery-limit": 20 },
      appliesTo: args.appliesTo ?? "queues",
      queueType: args.queueType ?? "quorum",
    });
    this.registerOutputs({});
  }
}
