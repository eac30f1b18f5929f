/** The real engine without hosts: the same graph as under mocks, and readable error messages. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Graph, nameOf, typeOf, type GraphNode } from "../support/graph.ts";
import { testGraphFacts, hosts, remoteCommand } from "../support/graph-facts.ts";
import { ScratchStack, scratchStackName } from "../support/engine.ts";

/** The part of the output of `pulumi preview --json` that is read here. */
interface Preview {
  readonly steps: readonly {
    readonly op: string;
    readonly urn: string;
    readonly newState: {
      readonly parent?: string;
      readonly dependencies?: readonly string[];
      readonly deletedWith?: string;
      readonly inputs?: Readonly<Record<string, unknown>>;
    };
  }[];
  readonly diagnostics?: readonly { readonly severity: string; readonly message: string }[];
}

let opened: ScratchStack;
let preview: Preview;
let graph: Graph;
before(async () => {
  opened = await ScratchStack.open();
  const { code, stdout, stderr } = await opened.pulumi("preview", "--json", "--stack", scratchStackName);
  assert.equal(code, 0, stdout + stderr);
  preview = JSON.parse(stdout) as Preview;
  const resources = preview.steps.filter(({ urn }) => typeOf(urn) !== "pulumi:pulumi:Stack");
  graph = new Graph(
    resources.map(({ urn, newState }): GraphNode => ({
      name: nameOf(urn),
      type: typeOf(urn),
      parent: nameOf(newState.parent ?? ""),
      dependencies: (newState.dependencies ?? []).map(nameOf),
      deletedWith: newState.deletedWith === undefined ? undefined : nameOf(newState.deletedWith),
      inputs: newState.inputs ?? {},
    })),
  );
});
after(() => opened.close());

testGraphFacts(() => graph, scratchStackName);

test("all resources are to be created; the only message is one of the version of RabbitMQ", () => {
  assert.deepEqual([...new Set(preview.steps.map(({ op }) => op))], ["create"]);
  const messages = (preview.diagnostics ?? []).map(({ severity, message }) => `${severity}: ${message}`);
  assert.equal(messages.length, 1);
  assert.match(messages[0] ?? "", /^info: RabbitMQ 3\.10 \(.*community support ended on 31 July 2023\. /);
});

test("a preview shows every command and file content, but no secret", () => {
  for (const { name, inputs } of graph.ofType(remoteCommand)) {
    assert.equal(inputs["connection"], "[secret]", name);
    assert.match(String(inputs["create"]), /^(script=|rabbitmq-ha |true$)/, name);
  }
  const stdin = (name: string): string => String(graph.get(name).inputs["stdin"]);
  assert.match(stdin("cent120-config"), /^listeners\.tcp\.default = 5672$/m);
  assert.match(stdin("haproxy-cent123-config"), /^ {4}server cent120 192\.168\.87\.120:5672 check /m);
  for (const name of ["cent120-cookie", "cluster-admin", ...hosts.map((host) => `${host}-machine`)]) {
    assert.equal(stdin(name), "[secret]", name);
  }
});

/** A configuration with three faults, and its error message. */
const spoilt = (text: string): string =>
  text
    .replace("platform: lab", "platform: cloud")
    .replace("rise: 2", "rize: 2")
    .replace("address: 192.168.87.121", "address: 192.168.87.321");
const refusal = [
  `The configuration of stack "${scratchStackName}" has 3 faults; nothing was changed.`,
  '  rabbitmq-ha:platform = "cloud": unknown platform; write lab',
  '  rabbitmq-ha:brokers[1].address = "192.168.87.321": not an address; write an IPv4 address such as 192.168.56.120',
  "  rabbitmq-ha:haproxy.rize = 2: unknown key; did you mean rise?",
];

test("an invalid configuration is refused with one message, without a stack trace, and nothing is made", async () => {
  await opened.configure(spoilt);
  const { code, stdout, stderr } = await opened.pulumi(
    "up",
    "--yes",
    "--skip-preview",
    "--stack",
    scratchStackName,
  );
  assert.notEqual(code, 0);
  const output = stdout + stderr;
  const diagnostics = output.slice(output.indexOf("Diagnostics:"));
  for (const line of refusal) {
    assert.equal(diagnostics.split(line.trim()).length, 2, `not there once: ${line}\n${output}`);
  }
  assert.doesNotMatch(output, /^\s+at .*:\d+:\d+/m);
  assert.doesNotMatch(output, /node_modules|\.ts:\d+|unhandled/i);
  const exported = await opened.pulumi("stack", "export", "--stack", scratchStackName);
  const { deployment } = JSON.parse(exported.stdout) as {
    deployment: { resources?: readonly { readonly type: string }[] };
  };
  assert.deepEqual(
    (deployment.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack"),
    [],
  );
});
