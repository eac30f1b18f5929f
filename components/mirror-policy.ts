/** The policy that has every queue mirrored on every broker. */
import * as pulumi from "@pulumi/pulumi";
import { Script } from "../remote/script.ts";
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
    const values = {
      ...{ name: this.policyName, pattern: this.pattern, definition: JSON.stringify(this.definition) },
      members: args.nodes.map((node) => node.name),
    };
    this.set = new Script(
      `${name}-set`,
      {
        ...{ host: args.nodes[0].host, values, stdin: args.nodes[0].host.identity },
        ...{ template: "rabbitmq/policy.sh", undo: "rabbitmq/policy-undo.sh", identity: [this.policyName] },
      },
      { parent: this, dependsOn: args.nodes.map(({ member }) => member) },
    );
    this.registerOutputs({});
  }
}
