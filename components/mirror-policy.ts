/** The policy that mirrors every queue on every broker. */
import * as pulumi from "@pulumi/pulumi";
import { componentNames } from "../hosts/resource-names.ts";
import { createPolicySteps } from "./policy-steps.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface MirrorPolicyArgs {
  /** Every broker; the policy is set from the first one's host, which tries each broker until one accepts it. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** @default ha-all */
  readonly policyName?: string;
  /** A regular expression on the names of queues and exchanges. @default ^ */
  readonly pattern?: string;
  /**
   * What the policy does (https://www.rabbitmq.com/docs/3.13/ha). Without automatic synchronisation a new or returned
   * mirror gets new messages only, and older messages are lost with the last broker that has them.
   * @default {"ha-mode":"all","ha-sync-mode":"automatic"}
   */
  readonly definition?: Readonly<Record<string, unknown>>;
}

/**
 * A policy in every virtual host. It counts as set once every member has it, and it is cleared on delete.
 *
 * @throws at deployment on RabbitMQ 4, which has no mirrored queues; the message says what to use instead
 * @example
 * new MirrorPolicy("mirror-policy", { nodes });
 */
export class MirrorPolicy extends pulumi.ComponentResource {
  readonly policyName: string;
  readonly pattern: string;
  readonly definition: Readonly<Record<string, unknown>>;
  /** Done once every member has the policy. */
  readonly set: pulumi.Resource;

  constructor(name: string, args: MirrorPolicyArgs, options: pulumi.ComponentResourceOptions = {}) {
    // A stack that changes its kind of queues keeps the steps, so that the former policy is not cleared after the new one.
    const aliases = [{ name: componentNames.policy.quorum, type: "rabbitmq-ha:index:QuorumPolicy" }];
    super("rabbitmq-ha:index:MirrorPolicy", name, {}, { aliases, ...options });
    this.policyName = args.policyName ?? "ha-all";
    this.pattern = args.pattern ?? "^";
    this.definition = args.definition ?? { "ha-mode": "all", "ha-sync-mode": "automatic" };
    this.set = createPolicySteps(this, name, args.nodes, this);
    this.registerOutputs({});
  }
}
