/** The two steps of a policy: one sets it, the other one clears it. */
import { stepNames } from "../hosts/resource-names.ts";
import type * as pulumi from "@pulumi/pulumi";
import { Step } from "../remote/step.ts";
import type { RabbitNode } from "./rabbit-node.ts";

export interface PolicyArgs {
  readonly policyName: string;
  readonly pattern: string;
  readonly definition: Readonly<Record<string, unknown>>;
  /** What `rabbitmqctl set_policy --apply-to` takes. @default all */
  readonly appliesTo?: string;
  /** The default type of the queues in each virtual host. @default classic, which changes nothing */
  readonly queueType?: string;
}

/**
 * The step that sets the policy has no undo, so it can be replaced at any time and no queue loses its mirrors meanwhile.
 * When the name changes, the old policy is cleared after the new one is set.
 *
 * @returns the resource that is done once every member has the policy
 */
export function createPolicySteps(
  parent: pulumi.Resource,
  prefix: string,
  nodes: readonly [RabbitNode, ...RabbitNode[]],
  { policyName: name, pattern, definition, appliesTo = "all", queueType = "classic" }: PolicyArgs,
): pulumi.Resource {
  const [{ host }] = nodes;
  const members = nodes.map((node) => node.name);
  const kind = {
    ...(appliesTo === "all" ? {} : { applyTo: appliesTo }),
    ...(queueType === "classic" ? {} : { queueType }),
  };
  const ready = nodes.map((node) => node.ready);
  // Another first machine or another name does not end the policy: this resource is never replaced, only deleted. It is
  // the last of the two to go: a run that ends between them, and is taken back, makes the other one again.
  const undo = new Step(
    `${prefix}-undo`,
    { host, undo: { subcommand: "policy", options: { clear: true, name, members } } },
    { parent, dependsOn: ready },
  );
  return new Step(
    stepNames.set(prefix),
    {
      host,
      subcommand: "policy",
      identity: [name],
      options: { name, pattern, definition: JSON.stringify(definition), ...kind, members },
    },
    { parent, dependsOn: [...ready, undo] },
  );
}
