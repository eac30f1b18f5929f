/** The policy that mirrors every queue on every broker. */
import * as pulumi from "@pulumi/pulumi";
import { Step } from "../remote/step.ts";
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
 * A policy of the virtual host `/`. It counts as set once every member has it, and it is cleared on delete.
 *
 * A separate resource clears it. The resource that sets the policy has no undo, so it can be replaced at any time and no
 * queue loses its mirrors meanwhile. When the name changes, the old policy is cleared after the new one is set.
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
    super("rabbitmq-ha:index:MirrorPolicy", name, {}, options);
    this.policyName = args.policyName ?? "ha-all";
    this.pattern = args.pattern ?? "^";
    this.definition = args.definition ?? { "ha-mode": "all", "ha-sync-mode": "automatic" };
    const [{ host }] = args.nodes;
    const members = args.nodes.map((node) => node.name);
    const { policyName, pattern } = this;
    this.set = new Step(
      `${name}-set`,
      {
        host,
        subcommand: "policy",
        identity: [policyName],
        options: { name: policyName, pattern, definition: JSON.stringify(this.definition), members },
      },
      { parent: this, dependsOn: args.nodes.map((node) => node.ready) },
    );
    // Another first machine or another name does not end the policy: this resource is never replaced, only deleted.
    const undo = { subcommand: "policy", options: { clear: true, name: policyName, members } };
    new Step(
      `${name}-undo`,
      { host, undo },
      { parent: this, dependsOn: this.set, ignoreChanges: ["triggers"] },
    );
    this.registerOutputs({});
  }
}
