/** RabbitMQ's definitions on the cluster: users with their passwords, and all that is no secret. */
import * as pulumi from "@pulumi/pulumi";
import { Step } from "../remote/step.ts";
import type { RabbitNode } from "./rabbit-node.ts";

/** A user, and what it logs in with: the hash of a password, or the password itself. */
export interface DefinedCredentials {
  readonly name: string;
  readonly hash?: { readonly password_hash: string; readonly hashing_algorithm: string };
  readonly password?: pulumi.Output<string>;
  /** Whether the stack has made up the password. A user of others does not get it. @default false */
  readonly generated?: boolean;
}

export interface ClusterDefinitionsArgs {
  /** Every broker. The steps run on the first one's host, which asks each broker until one answers. */
  readonly nodes: readonly [RabbitNode, ...RabbitNode[]];
  /** One line for each object: its kind, and its fields as JSON. */
  readonly lines: readonly string[];
  readonly users: readonly DefinedCredentials[];
  /** Objects that are removed even if they are not empty, as messages name them. @default none */
  readonly remove?: readonly string[];
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

  constructor(name: string, args: ClusterDefinitionsArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("rabbitmq-ha:index:ClusterDefinitions", name, {}, options);
    const { nodes, lines, users, remove = [], after } = args;
    const [{ host }] = nodes;
    const members = nodes.map((node) => node.name);
    const dependsOn = [...nodes.map((node) => node.ready), ...after];
    // Without users there is nothing to do; the step stays in place so that the last one can go.
    const passwords = new Step(
      `${name}-users`,
      {
        host,
        subcommand: "definition-users",
        options: { members },
        stdin: pulumi.secret(pulumi.all(users.map(credentialLine)).apply(wholeText)),
      },
      { parent: this, dependsOn },
    );
    this.set = new Step(
      `${name}-set`,
      {
        host,
        subcommand: "definitions",
        options: { members },
        stdin: wholeText([...lines, ...remove.map((title) => `remove ${JSON.stringify(title)}`)]),
      },
      { parent: this, dependsOn: [passwords] },
    );
    // As a policy's: another first machine does not end the definitions, so this is never replaced, only deleted.
    const undo = { subcommand: "definitions", options: { clear: true, members } };
    new Step(
      `${name}-undo`,
      { host, undo },
      { parent: this, dependsOn: this.set, ignoreChanges: ["triggers"] },
    );
    this.registerOutputs({});
  }
}

function credentialLine({
  name,
  hash,
  password,
  generated = false,
}: DefinedCredentials): pulumi.Output<string> {
  return pulumi
    .output(password)
    .apply(
      (text) =>
        `user ${JSON.stringify({ name, ...hash, ...(text === undefined ? {} : { password: text, generated }) })}`,
    );
}
