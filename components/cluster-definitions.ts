/** RabbitMQ's definitions on the cluster: users with their passwords, and all that is no secret. */
import * as pulumi from "@pulumi/pulumi";
import type { PasswordHash } from "../hosts/definition-objects.ts";
import { ownValue } from "../hosts/own-value.ts";
import { stepNames, userPasswordName } from "../hosts/resource-names.ts";
import { Step } from "../remote/step.ts";
import { generatedSecret, randomText } from "../secret.ts";
import type { RabbitNode } from "./rabbit-node.ts";

/** A user, and what it logs in with: the hash of a password, or the password itself. */
interface Credentials {
  readonly name: string;
  readonly hash?: PasswordHash;
  readonly password?: pulumi.Output<string>;
  /** Whether the stack has made up the password. A user of others does not get it. @default false */
  readonly generated?: boolean;
}

export interface ClusterDefinitionsArgs {
  /** Every broker. The steps run on the first one's host, which asks each broker until one answers. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** One line for each object: its kind, and its fields as JSON. */
  readonly lines: readonly string[];
  readonly users: readonly { readonly name: string; readonly hash?: PasswordHash }[];
  /** By user: the password of one without a hash. @default one is generated */
  readonly userPasswords?: Readonly<Record<string, pulumi.Output<string>>>;
  /** Objects that are removed even if they are not empty, as messages name them. @default none */
  readonly remove?: readonly string[];
  /** The users that are the stack's administrators, and so never removed as users of former definitions. */
  readonly administrators: readonly string[];
  /** The name of the policy of the stack's queues, of which the same is true. */
  readonly policy: string;
  /** Done once there are the administrator and the policy. */
  readonly after: readonly pulumi.Resource[];
}

/** @returns lines as a step reads them; the last one says that they are whole */
function wholeText(lines: readonly string[]): string {
  return [...lines, `end ${String(lines.length)}`, ""].join("\n");
}

/**
 * Makes and changes what is defined. What the stack has made and no longer defines is removed if nobody uses it; all else
 * stays as it is.
 */
export class ClusterDefinitions extends pulumi.ComponentResource {
  /** Done once all is as defined. */
  readonly set: pulumi.Resource;
  /** Of each user whose password is known; a secret. */
  readonly userPasswords: pulumi.Output<Record<string, string>>;
  /** What `verify` compares the cluster's objects with. A secret also because `up` would print a line for each object. */
  readonly expected: pulumi.Output<{ lines: readonly string[]; hashes: Record<string, PasswordHash> }>;

  constructor(name: string, args: ClusterDefinitionsArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:ClusterDefinitions", name, {}, options);
    const { nodes, lines, administrators, policy, remove = [], after } = args;
    const users = args.users.map((user) => credentialsOf(user, args.userPasswords ?? {}));
    const [{ host }] = nodes;
    const members = nodes.map((node) => node.name);
    const definitions = { members, administrators, policy };
    const dependsOn = [...nodes.map((node) => node.ready), ...after];
    // As a policy's: another first machine does not end the definitions, so this is never replaced, and goes last.
    const undo = new Step(
      `${name}-undo`,
      { host, undo: { subcommand: "definitions", options: { ...definitions, clear: true } } },
      { parent: this, dependsOn },
    );
    // Without users there is nothing to do; the step stays in place so that the last one can go.
    const passwords = new Step(
      stepNames.users(name),
      {
        host,
        subcommand: "definition-users",
        options: { members },
        stdin: pulumi.secret(pulumi.all(users.map(credentialLine)).apply(wholeText)),
      },
      { parent: this, dependsOn: [...dependsOn, undo] },
    );
    this.set = new Step(
      stepNames.set(name),
      {
        host,
        subcommand: "definitions",
        options: definitions,
        stdin: wholeText([...lines, ...remove.map((title) => `remove ${JSON.stringify(title)}`)]),
      },
      { parent: this, dependsOn: [passwords] },
    );
    this.userPasswords = pulumi.secret(byName(users, ({ password }) => password));
    this.expected = pulumi.secret({ lines, hashes: byName(users, ({ hash }) => hash) });
    this.registerOutputs({});
  }
}

function credentialsOf(
  { name, hash }: ClusterDefinitionsArgs["users"][number],
  given: Readonly<Record<string, pulumi.Output<string>>>,
): Credentials {
  if (hash !== undefined) return { name, hash };
  const password = ownValue(given, name);
  if (password !== undefined) return { name, password };
  return { name, password: generatedSecret(userPasswordName(name), () => randomText(24)), generated: true };
}

/** @returns what the users have, by their names; without those who have none */
function byName<T>(
  users: readonly Credentials[],
  valueOf: (user: Credentials) => T | undefined,
): Record<string, T> {
  return Object.fromEntries(
    users.flatMap((user) => {
      const value = valueOf(user);
      return value === undefined ? [] : [[user.name, value] as const];
    }),
  );
}

function credentialLine({ name, hash, password, generated = false }: Credentials): pulumi.Output<string> {
  return pulumi
    .output(password)
    .apply(
      (text) =>
        `user ${JSON.stringify({ name, ...hash, ...(text === undefined ? {} : { password: text, generated }) })}`,
    );
}
