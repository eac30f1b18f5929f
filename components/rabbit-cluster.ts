/** What the brokers are together: who is a member, the cluster's name and who may administer it. */
import * as pulumi from "@pulumi/pulumi";
import { Step } from "../remote/step.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface RabbitClusterArgs {
  /** Every broker, the first one first: what concerns the whole cluster is done from its host. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** What the cluster calls itself to its clients and in the management UI. */
  readonly clusterName: string;
  /** The administrator's name, other than `guest`. */
  readonly adminUser: string;
  readonly adminPassword: pulumi.Input<string>;
  /** That the balancers know the brokers: one that leaves is theirs no more before that. */
  readonly told: readonly pulumi.Resource[];
}

/**
 * The cluster's administrator, set once the first broker is a member, and its name, set once all are. The user `guest`,
 * whose password everybody knows, is deleted. Changing the password changes it in the cluster. A member that is not among
 * the brokers any more leaves: drained, stopped, forgotten, one at a time, and only where the others can do without it.
 */
export class RabbitCluster extends pulumi.ComponentResource {
  /** That name and administrator are set. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: RabbitClusterArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:RabbitCluster", name, {}, options);
    const { nodes, clusterName, adminUser, adminPassword, told } = args;
    const { host, member } = nodes[0];
    const members = nodes.map((node) => node.member);
    this.ready = [
      new Step(
        `${name}-name`,
        { host, subcommand: "cluster-name", options: { name: clusterName } },
        // A new member looks for queues to copy only in a cluster that has its name: the first members find none.
        { parent: this, dependsOn: members },
      ),
      new Step(
        `${name}-admin`,
        {
          host,
          subcommand: "admin",
          options: { user: adminUser },
          stdin: pulumi.interpolate`${adminPassword}\n`,
        },
        // Once the first broker is a member nothing empties it any more; the others may still be joining.
        { parent: this, dependsOn: member },
      ),
    ];
    const brokers = nodes.map((node) => node.name);
    new Step(
      `${name}-members`,
      { host, subcommand: "members", options: { brokers } },
      { parent: this, dependsOn: [...members, ...told] },
    );
    this.registerOutputs({});
  }
}
