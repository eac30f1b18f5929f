/** The policy that has every queue mirrored on every broker. */
import * as pulumi from "@pulumi/pulumi";
import { Step } from "../remote/step.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface MirrorPolicyArgs {
  /** Every broker; the policy is set from the first one's host, by asking each in turn until one takes it. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** @default ha-all */
  readonly policyName?: string;
  /** A regular expression on the names of queues and exchanges. @default ^ */
  readonly pattern?: string;
  /**
   * What the policy does (https://www.rabbitmq.com/docs/3.13/ha). Without automatic synchronisation a new or returned
   * mirror gets new messages only, and the older ones are lost with the last broker that had them.
   * @default {"ha-mode":"all","ha-sync-mode":"automatic"}
   */
  readonly definition?: Readonly<Record<string, unknown>>;
}

/**
 * A policy of the virtual host `/`, seen on every member before it counts as set, and cleared on delete.
 *
 * Clearing it is a resource of its own: the one that sets the policy has no undo, so it can be replaced at any time
 * and no queue is without its mirrors meanwhile. Under another name the old one is cleared once the new one is set.
 *
 * @throws at deployment on RabbitMQ 4, which has no mirrored queues: in words that say what to use instead
 * @example
 * new MirrorPolicy("mirror-policy", { nodes });
 */
export class MirrorPolicy extends pulumi.ComponentResource {
  readonly policyName: string;
  readonly pattern: string;
  readonly definition: Readonly<Record<string, unknown>>;
  /** That the policy is seen on every member. */
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
      { parent: this, dependsOn: args.nodes.map(({ member }) => member) },
    );
    // Another first machine, or another name, is no end of the policy: never replaced, it is undone with the component.
    const undo = { subcommand: "policy", options: { clear: true, name: policyName, members } };
    new Step(
      `${name}-undo`,
      { host, undo },
      { parent: this, dependsOn: this.set, ignoreChanges: ["triggers"] },
    );
    this.registerOutputs({});
  }
}
