/** The cluster as a whole: its name, its administrator and its members. */
import { stepNames } from "../hosts/resource-names.ts";
import * as pulumi from "@pulumi/pulumi";
import { Step } from "../remote/step.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface Administrator {
  readonly name: string;
  readonly password: pulumi.Input<string>;
}

export interface RabbitClusterArgs {
  /** Every broker. Steps that concern the whole cluster run on the first one's host. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** The cluster's name, which clients and the management UI show. */
  readonly clusterName: string;
  /** The administrators, the newest first: their names, other than `guest`. One that is no longer listed is deleted once nobody is connected as it. */
  readonly administrators: readonly [Administrator, ...Administrator[]];
  /** Former administrators who are deleted even if somebody is connected as them. @default none */
  readonly closeConnections?: readonly string[];
  /** Done once the balancers have read the new list of brokers. Only then does a removed broker leave. */
  readonly balancersUpdated: readonly pulumi.Resource[];
}

/**
 * The cluster's administrator, set once the first broker is a member, and its name, set once all brokers are. The user
 * `guest`, whose password is public, is deleted. Changing the password changes it in the cluster. A member that is no
 * longer among the brokers leaves: it is drained, stopped and forgotten, one at a time, and only if the others can do
 * without it.
 */
export class RabbitCluster extends pulumi.ComponentResource {
  /** Done once name and administrator are set. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: RabbitClusterArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:RabbitCluster", name, {}, options);
    const { nodes, clusterName, administrators, closeConnections, balancersUpdated } = args;
    const [{ name: user }, ...others] = administrators;
    const { host, ready: firstReady } = nodes[0];
    const nodesReady = nodes.map((node) => node.ready);
    this.ready = [
      new Step(
        stepNames.clusterName(name),
        { host, subcommand: "cluster-name", options: { name: clusterName } },
        // A new member looks for queues to copy only in a cluster that has its name: the first members find none.
        { parent: this, dependsOn: nodesReady },
      ),
      new Step(
        stepNames.admin(name),
        {
          host,
          subcommand: "admin",
          options: { user, also: others.length > 0 && others.map((each) => each.name), closeConnections },
          stdin: pulumi
            .all(administrators.map(({ password }) => password))
            .apply((passwords) => passwords.map((password) => `${password}\n`).join("")),
        },
        // Nothing resets the first broker once it is a member; the others may still be joining.
        { parent: this, dependsOn: firstReady },
      ),
    ];
    const brokers = nodes.map((node) => node.name);
    new Step(
      `${name}-members`,
      { host, subcommand: "members", options: { brokers } },
      { parent: this, dependsOn: [...nodesReady, ...balancersUpdated] },
    );
    this.registerOutputs({});
  }
}
