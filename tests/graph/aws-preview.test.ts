/** The real engine's preview of an AWS stack; a provider that echoes its inputs replaces the AWS provider. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accountAnswers } from "../support/aws-account.ts";
import { givenVpcConfig, ownVpcConfig } from "../support/aws-config.ts";
import { FakeAwsProvider } from "../support/aws-provider.ts";
import type { ConfigBlocks } from "../support/dev-stack.ts";
import { ScratchStack, scratchStackName } from "../support/engine.ts";
import { nameOf, typeOf } from "../support/graph.ts";
import { runProgram } from "../support/program.ts";

interface Preview {
  readonly steps: readonly {
    readonly op: string;
    readonly urn: string;
    readonly newState: { readonly inputs?: Readonly<Record<string, unknown>> };
  }[];
  readonly diagnostics?: readonly { readonly severity: string; readonly message: string }[];
}

let provider: FakeAwsProvider;
let opened: ScratchStack;
before(async () => {
  provider = await FakeAwsProvider.start(accountAnswers());
  opened = await ScratchStack.open(provider.env);
});
after(async () => {
  await opened.close();
  provider.stop();
});

/** A stack file: JSON, which is valid YAML. */
const file = (config: ConfigBlocks): string => {
  const lines = Object.entries(config).map(
    ([key, value]) => `  rabbitmq-ha:${key}: ${JSON.stringify(value)}`,
  );
  return `config:\n${lines.join("\n")}\n`;
};

async function preview(config: ConfigBlocks): Promise<Preview> {
  await opened.configure(() => file(config));
  const { code, stdout, stderr } = await opened.pulumi("preview", "--json", "--stack", scratchStackName);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as Preview;
}

const kindOf = ({ urn }: Preview["steps"][number]): string => `${nameOf(urn)}: ${typeOf(urn)}`;

test("the preview of a new stack shows all its resources: none depends on values that only AWS knows", async () => {
  const { steps, diagnostics = [] } = await preview(ownVpcConfig());
  assert.deepEqual([...new Set(steps.map(({ op }) => op))], ["create"]);
  assert.deepEqual(
    diagnostics
      .filter(({ severity }) => severity !== "info")
      .filter(({ message }) => !/^warning: RabbitMQ 3\.10 .* community support ended/.test(message)),
    [],
  );
  // Under mocks, where all values are known, the resources are the same.
  const { graph } = await runProgram({
    config: ownVpcConfig(),
    stack: scratchStackName,
    functionAnswers: accountAnswers(),
  });
  const known = graph.nodes.map(({ name, type }) => `${name}: ${type}`);
  const shown = steps.map(kindOf).filter((kind) => !kind.endsWith(": pulumi:pulumi:Stack"));
  assert.deepEqual(shown.sort(), known.sort());
});

test("the preview shows the rules, machines and files, and no secret", async () => {
  const { steps } = await preview(givenVpcConfig());
  const inputs = (name: string): Readonly<Record<string, unknown>> =>
    steps.find(({ urn }) => nameOf(urn) === name)?.newState.inputs ?? {};
  const rule = inputs("aws-balancers-tcp-5672-from-10.20.0.0-16");
  assert.deepEqual([rule["cidrIpv4"], rule["fromPort"], rule["ipProtocol"]], ["10.20.0.0/16", 5672, "tcp"]);
  assert.equal(inputs("cent120-machine")["userData"], "[secret]");
  assert.equal(inputs("cent120-machine")["instanceType"], "m6i.large");
  assert.match(String(inputs("virtual-address-cent123-config")["stdin"]), /^ {4}notify_master /m);
  assert.ok(provider.calledFunctions.includes("aws:ec2/getVpc:getVpc"));
});
