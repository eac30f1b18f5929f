/** What machines may ask of the account. */
import * as pulumi from "@pulumi/pulumi";
import { instancesOnly, moveAddress, partitionOf } from "./policy.ts";
import { aws } from "./sdk.ts";
import type { Tags } from "./tags.ts";

export interface ProfileArgs {
  readonly name: string;
  readonly region: string;
  /** Where the virtual address is moved by this machine: its own interface, and the route tables. @default it moves none */
  readonly move?: {
    readonly networkInterface: pulumi.Input<string>;
    readonly routeTables: readonly pulumi.Input<string>[];
  };
  /** Whether SSM's agent runs on it. */
  readonly sessions: boolean;
  readonly tags: Tags;
}

/** The profile of one machine, and what has to be there before it is of use. */
export interface Profile {
  readonly name: pulumi.Output<string>;
  readonly ready: readonly pulumi.Resource[];
}

/** @returns nothing for a machine that has nothing to ask */
export function makeProfile(args: ProfileArgs, options: pulumi.CustomResourceOptions): Profile | undefined {
  const { name, region, move, sessions, tags } = args;
  if (move === undefined && !sessions) return undefined;
  const role = new aws.iam.Role(
    `${name}-role`,
    { assumeRolePolicy: instancesOnly(), tags: tags(name) },
    options,
  );
  const policies: pulumi.Resource[] = [];
  if (move !== undefined) {
    const policy = pulumi.output({ region, ...move }).apply(moveAddress);
    policies.push(new aws.iam.RolePolicy(`${name}-role-move`, { role: role.name, policy }, options));
  }
  if (sessions) {
    const policyArn = `arn:${partitionOf(region)}:iam::aws:policy/AmazonSSMManagedInstanceCore`;
    policies.push(
      new aws.iam.RolePolicyAttachment(`${name}-role-sessions`, { role: role.name, policyArn }, options),
    );
  }
  const profile = new aws.iam.InstanceProfile(
    `${name}-profile`,
    { role: role.name, tags: tags(name) },
    options,
  );
  return { name: profile.name, ready: policies };
}
