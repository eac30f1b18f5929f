/** The real engine's preview of a stack in an account, with a provider that echoes its inputs in place of AWS's. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account } from "../support/aws-account.ts";
import { givenVpc, ownVpc } from "../support/aws-config.ts";
import { AwsProvider } from "../support/aws-provider.ts";
import type { Blocks } from "../support/dev-stack.ts";
import { ScratchStack, stack } from "../support/engine.ts";
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

let provider: AwsProvider;
let opened: ScratchStack;
before(async () => {
  provider = await AwsProvider.start(account());
  opened = await ScratchStack.open(provider.env);
});
after(async () => {
  await opened.close();
  provider.stop();
});

/** A stack file, as YAML takes it: JSON. */
const file = (config: Blocks): string => {
  const lines = Object.entries(config).map(
    ([key, value]) => `  rabbitmq-ha:${key}: ${JSON.stringify(value)}`,
  );
  return `config:\n${lines.join("\n")}\n`;
};

async function preview(config: Blocks): Promise<Preview> {
  await opened.configure(() => file(config));
  const { code, stdout, stderr } = await opened.pulumi("preview", "--json", "--stack", stack);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as Preview;
}

const kindOf = ({ urn }: Preview["steps"][number]): string => `${nameOf(urn)}: ${typeOf(urn)}`;

test("a preview of what is not there yet shows all of it: nothing waits for what only AWS knows", async () => {
  const { steps, diagnostics = [] } = await preview(ownVpc());
  assert.deepEqual([...new Set(steps.map(({ op }) => op))], ["create"]);
  assert.deepEqual(
    diagnostics.filter(({ severity }) => severity !== "info"),
    [],
  );
  // With everything known, under mocks, there is neither more nor less.
  const { graph } = await runProgram({ config: ownVpc(), stack, answers: account() });
  const known = graph.nodes.map(({ name, type }) => `${name}: ${type}`);
  const shown = steps.map(kindOf).filter((kind) => !kind.endsWith(": pulumi:pulumi:Stack"));
  assert.deepEqual(shown.sort(), known.sort());
});

test("it shows the rules, the machines and the files as they will be, and no secret", async () => {
  const { steps } = await preview(givenVpc());
  const inputs = (name: string): Readonly<Record<string, unknown>> =>
    steps.find(({ urn }) => nameOf(urn) === name)?.newState.inputs ?? {};
  const rule = inputs("aws-balancers-tcp-5672-from-10.20.0.0-16");
  assert.deepEqual([rule["cidrIpv4"], rule["fromPort"], rule["ipProtocol"]], ["10.20.0.0/16", 5672, "tcp"]);
  assert.equal(inputs("cent120-machine")["userData"], "[secret]");
  assert.equal(inputs("cent120-machine")["instanceType"], "m6i.large");
  assert.match(String(inputs("virtual-address-cent123-config")["stdin"]), /^ {4}notify_master /m);
  assert.ok(provider.asked.includes("aws:ec2/getVpc:getVpc"));
});
