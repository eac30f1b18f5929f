/** The IAM roles of the machines. */
import * as pulumi from "@pulumi/pulumi";
import { instanceTrustPolicy, moveAddressPolicy, arnPartition } from "./policy.ts";
import { aws } from "./sdk.ts";
import type { TagFactory } from "./tags.ts";

export interface ProfileArgs {
  readonly name: string;
  readonly region: string;
  /** The ARNs of what the machine changes to move the virtual address. @default it moves none */
  readonly move?: {
    readonly networkInterface: pulumi.Input<string>;
    readonly routeTables: readonly pulumi.Input<string>[];
  };
  /** Whether the machine is reached by SSM, whose agent runs on it. */
  readonly usesSsm: boolean;
  readonly tags: TagFactory;
}

/** The instance profile of one machine, and the resources to wait for before it is used. */
export interface InstanceProfile {
  readonly name: pulumi.Output<string>;
  readonly dependencies: readonly pulumi.Resource[];
}

/** @returns undefined for a machine that needs no permissions */
export function makeProfile(
  args: ProfileArgs,
  options: pulumi.CustomResourceOptions,
): InstanceProfile | undefined {
  const { name, region, move, usesSsm, tags } = args;
  if (move === undefined && !usesSsm) return undefined;
  const role = new aws.iam.Role(
    `${name}-role`,
    { assumeRolePolicy: instanceTrustPolicy(), tags: tags(name) },
    options,
  );
  const policies: pulumi.Resource[] = [];
  if (move !== undefined) {
    const policy = pulumi.output({ region, ...move }).apply(moveAddressPolicy);
    policies.push(new aws.iam.RolePolicy(`${name}-role-move`, { role: role.name, policy }, options));
  }
  if (usesSsm) {
    const policyArn = `arn:${arnPartition(region)}:iam::aws:policy/AmazonSSMManagedInstanceCore`;
    policies.push(
      new aws.iam.RolePolicyAttachment(`${name}-role-sessions`, { role: role.name, policyArn }, options),
    );
  }
  const profile = new aws.iam.InstanceProfile(
    `${name}-profile`,
    { role: role.name, tags: tags(name) },
    options,
  );
  return { name: profile.name, dependencies: policies };
}
