/** Properties of every AWS stack, for all zones, counts, ways of access and address modes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { accountAnswers } from "../support/aws-account.ts";
import { ownVpcConfig, givenVpcConfig } from "../support/aws-config.ts";
import type { ConfigBlocks } from "../support/dev-stack.ts";
import { unwrapSecrets, runHosts, type RegisteredResource, type ProgramRun } from "../support/program.ts";

const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

interface Shape {
  /** The zone of each broker and of each balancer, 1 to 3. */
  readonly brokers: readonly number[];
  readonly balancers: readonly number[];
  readonly mode: "secondary-ip" | "route";
  readonly vpc: "own" | "given";
  readonly way: "bastion" | "direct" | "public" | "ssm";
  readonly clients: readonly string[] | undefined;
  readonly consoles: readonly string[];
  readonly alarms: boolean;
}

const cidr = fc
  .tuple(fc.integer({ min: 1, max: 126 }), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 16, max: 24 }))
  .map(([first, second, length]) => `${String(first)}.${String(second)}.0.0/${String(length)}`);
const some = fc.uniqueArray(cidr, { maxLength: 2 });

/** Stacks that the rules accept: the loss of one zone leaves a majority; balancers are in one subnet or two. */
const shape: fc.Arbitrary<Shape> = fc
  .record({
    brokers: fc.constantFrom([1, 2, 3], [3, 1, 2], [1, 1, 2, 2, 3], [3, 2, 1, 3, 2, 1, 2]),
    balancers: fc.constantFrom([1, 1], [2, 2, 2], [1, 2], [3, 1], [1, 2, 3]),
    vpc: fc.constantFrom("own" as const, "given" as const),
    way: fc.constantFrom("bastion" as const, "direct" as const, "public" as const, "ssm" as const),
    clients: fc.option(some, { nil: undefined }),
    consoles: some,
    alarms: fc.boolean(),
  })
  .map((each) => ({ ...each, mode: new Set(each.balancers).size === 1 ? "secondary-ip" : "route" }));

const from = "198.51.100.0/24";

function configOf({ brokers, balancers, mode, vpc, way, clients, consoles, alarms }: Shape): ConfigBlocks {
  const base = vpc === "own" ? ownVpcConfig() : givenVpcConfig();
  const hosts = (name: string, places: readonly number[], first: number): ConfigBlocks[] =>
    places.map((zone, index) => ({
      name: `${name}${String(index)}`,
      address: `10.20.${String(zone)}.${String(first + index)}`,
    }));
  const all = [...hosts("broker", brokers, 30), ...hosts("balancer", balancers, 60)];
  const names = all.map(({ name }) => String(name));
  const { publicSubnet, bastion, routeTables, ...aws } = {
    ...(base["aws"] as ConfigBlocks),
    bastion: { host: "bastion.example.org" },
  } as ConfigBlocks;
  return {
    ...base,
    brokers: all.slice(0, brokers.length),
    balancers: all.slice(brokers.length),
    virtualAddress: mode === "route" ? "10.255.255.100" : `10.20.${String(balancers[0])}.100`,
    haproxy: { avoidAlarms: alarms },
    aws: {
      ...aws,
      consoles,
      image: "ami-00000001",
      ...(clients === undefined ? {} : { clients }),
      ...(vpc === "own" && way !== "public" ? { publicSubnet } : {}),
      ...(vpc === "given" && mode === "route" ? { routeTables } : {}),
      access: {
        way,
        ...(way === "ssm"
          ? { ports: Object.fromEntries(names.map((name, index) => [name, 2200 + index])) }
          : { from: [from] }),
        ...(way === "bastion" && vpc === "given" ? { bastion } : {}),
      },
    },
  };
}

type Judge = (run: ProgramRun, shape: Shape) => void;

const resources = ({ graph }: ProgramRun, type: string): RegisteredResource[] => graph.ofType(type);

/** Only the configured sources are let in, and only the configured resources have public addresses. */
const onlyConfiguredSources: Judge = (run, { clients, consoles, way, vpc }) => {
  const asked = new Set([...(clients ?? ["10.20.0.0/16"]), ...consoles, ...(way === "ssm" ? [] : [from])]);
  for (const { name, inputs } of resources(run, ingress)) {
    const { cidrIpv4, cidrIpv6, prefixListId, referencedSecurityGroupId } = inputs;
    assert.deepEqual([cidrIpv6, prefixListId], [undefined, undefined], name);
    if (cidrIpv4 === undefined) assert.match(String(referencedSecurityGroupId), /^aws-/, name);
    else assert.ok(asked.has(cidrIpv4 as string), `${name} is open to ${cidrIpv4 as string}`);
  }
  for (const { name, inputs } of resources(run, "aws:ec2/securityGroup:SecurityGroup")) {
    assert.deepEqual([inputs["ingress"], inputs["egress"]], [undefined, undefined], name);
  }
  const open = resources(run, "aws:ec2/eip:Eip").map(({ name }) => name.replace(/^(broker|balancer)\d-/, ""));
  const wanted = {
    public: ["address"],
    bastion: ["aws-bastion-address", "aws-nat-address"],
    direct: ["aws-nat-address"],
    ssm: ["aws-nat-address"],
  };
  const own = wanted[way].filter((name) => vpc === "own" || name === "address");
  assert.deepEqual([...new Set(open)].sort(), own);
};

/** Brokers let in the other brokers, the balancers and the consoles' networks; balancers let in clients and VRRP. */
const expectedRules: Judge = (run, { clients = ["10.20.0.0/16"], consoles, alarms }) => {
  const rules = resources(run, ingress).map(({ inputs }) => {
    const { securityGroupId, ipProtocol, fromPort = "", cidrIpv4, referencedSecurityGroupId } = inputs;
    return [securityGroupId, ipProtocol, fromPort, cidrIpv4 ?? referencedSecurityGroupId]
      .map(String)
      .join(" ");
  });
  const [brokers, balancers] = ["aws-brokers-id", "aws-balancers-id"];
  const wanted = [
    ...[4369, 5672, 6000, 25672, 35672].map((port) => `${brokers} tcp ${String(port)} ${brokers}`),
    ...[5672, 15672, ...(alarms ? [5670] : [])].map((port) => `${brokers} tcp ${String(port)} ${balancers}`),
    ...consoles.map((network) => `${brokers} tcp 15672 ${network}`),
    ...clients.flatMap((network) =>
      [5672, 15672, 8100].map((port) => `${balancers} tcp ${String(port)} ${network}`),
    ),
    `${balancers} tcp 5672 ${brokers}`,
    `${balancers} tcp 5672 ${balancers}`,
    `${balancers} 112  ${balancers}`,
  ];
  assert.deepEqual(rules.filter((rule) => !rule.includes(" tcp 22 ")).sort(), wanted.sort());
};

/** Each host is in its zone's subnet, and only balancers may move the address. */
const subnetsAndPermissions: Judge = (run, { brokers, balancers, mode }) => {
  const places = [
    ...brokers.map((zone, index) => [`broker${String(index)}`, zone] as const),
    ...balancers.map((zone, index) => [`balancer${String(index)}`, zone] as const),
  ];
  for (const [name, zone] of places) {
    const own = run.graph.nodes.find((node) => node.name.startsWith(`${name}-interface-10`));
    assert.match(
      String(own?.inputs["subnetId"]),
      new RegExp(`(10\\.20\\.${String(zone)}\\.0-24-id|0${String(zone)})$`),
    );
    const overlay = name.startsWith("balancer") && mode === "route";
    assert.equal(own?.inputs["sourceDestCheck"], !overlay, name);
    const moves = run.graph.nodes.some((node) => node.name === `${name}-role-move`);
    assert.equal(moves, name.startsWith("balancer"), name);
    if (!moves) continue;
    const { policy } = run.graph.get(`${name}-role-move`).inputs;
    const { Statement: statements } = JSON.parse(String(unwrapSecrets(policy))) as {
      readonly Statement: readonly Record<string, unknown>[];
    };
    for (const { Action, Resource } of statements) {
      if (String(Action).startsWith("ec2:Describe")) continue;
      // Its own interface, or the route tables of the address; never `*`.
      const all = [Resource].flat().map(String);
      assert.ok(all.length > 0 && all.every((arn) => arn !== "*" && arn.startsWith("arn:")), name);
      if (mode === "secondary-ip") assert.deepEqual(all, [`arn:of:${own.name}`]);
    }
  }
};

/** All machines refuse version 1 of the metadata service, and all disks are encrypted. */
const hardenedMachines: Judge = (run) => {
  for (const { name, inputs } of resources(run, "aws:ec2/instance:Instance")) {
    const { metadataOptions, rootBlockDevice } = inputs as Record<string, Record<string, unknown>>;
    assert.equal(metadataOptions?.["httpTokens"], "required", name);
    assert.equal(rootBlockDevice?.["encrypted"], true, name);
  }
  for (const { name, inputs } of resources(run, "aws:ebs/volume:Volume"))
    assert.equal(inputs["encrypted"], true, name);
};

test("every stack has the right firewall rules, subnets and permissions, and no others", () =>
  fc.assert(
    fc.asyncProperty(shape, async (each) => {
      const run = await runHosts({ config: configOf(each), functionAnswers: accountAnswers() });
      for (const judge of [onlyConfiguredSources, expectedRules, subnetsAndPermissions, hardenedMachines])
        judge(run, each);
    }),
    { numRuns: 15 },
  ));
