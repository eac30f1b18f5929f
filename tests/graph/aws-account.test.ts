/** The account is checked before anything is made, and all its faults are reported in one message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { accountAnswers } from "../support/aws-account.ts";
import { givenVpcConfig } from "../support/aws-config.ts";
import { runHosts, type RunArgs } from "../support/program.ts";

const config = (changes: object): RunArgs["config"] => {
  const given = givenVpcConfig();
  return { ...given, aws: { ...(given["aws"] as object), ...changes } };
};

/** @returns the faults of the account, one line each, without the namespace */
async function faults(changes: object, answers: NonNullable<RunArgs["functionAnswers"]>): Promise<string[]> {
  try {
    await runHosts({ config: config(changes), functionAnswers: accountAnswers(answers), stack: "prod" });
  } catch (error) {
    assert.ok(pulumi.RunError.isInstance(error), String(error));
    assert.equal(error.stack, "");
    const [first, , ...lines] = error.message.trimEnd().split("\n");
    assert.match(first ?? "", /^The configuration of stack "prod" has .*; nothing was changed\.$/);
    return lines.map((line) => line.replace("  rabbitmq-ha:", ""));
  }
  throw new Error("the account was accepted");
}

test("reports subnets and route tables of another VPC", async () => {
  const found = await faults(
    {},
    {
      "aws:ec2/getSubnet:getSubnet": ({ id }) => ({
        id,
        vpcId: "vpc-00000009",
        availabilityZone: "eu-central-1a",
        cidrBlock: "10.20.1.0/24",
      }),
      "aws:ec2/getRouteTable:getRouteTable": () => ({ vpcId: "vpc-00000009", arn: "arn" }),
    },
  );
  assert.deepEqual(found.sort(), [
    ...[0, 1].map(
      (index) =>
        `aws.routeTables[${String(index)}] = "rtb-0000000${String(index + 1)}": is a route table of vpc-00000009; write the ID of a route table of vpc-0123456789abcdef0`,
    ),
    ...[0, 1, 2].map(
      (index) =>
        `aws.subnets[${String(index)}] = "subnet-0000000${String(index + 1)}": is a subnet of vpc-00000009; write the id or the tags of subnets of vpc-0123456789abcdef0`,
    ),
  ]);
});

test("reports subnets in too few zones, and hosts outside all subnets", async () => {
  const answers = {
    "aws:ec2/getSubnet:getSubnet": ({ id }: Readonly<Record<string, unknown>>) => ({
      id,
      vpcId: "vpc-0123456789abcdef0",
      availabilityZone: "eu-central-1a",
      cidrBlock: `10.20.${String(id).slice(-1)}.0/24`,
    }),
  };
  const [brokers, balancers] = await faults({}, answers);
  assert.match(brokers ?? "", /^brokers = .*: in too few availability zones/);
  assert.match(balancers ?? "", /^balancers = .*: in one availability zone/);
  const outside = await faults({ subnets: [{ id: "subnet-00000001" }] }, {});
  assert.match(
    outside[0] ?? "",
    /^brokers\[1\]\.address = "10\.20\.2\.11": in none of the subnets; .*10\.20\.1\.0\/24/,
  );
});

test("reports a virtual address inside a second range of the VPC, and missing route tables", async () => {
  const answers = {
    "aws:ec2/getVpc:getVpc": () => ({
      id: "vpc-0123456789abcdef0",
      cidrBlock: "10.20.0.0/16",
      cidrBlockAssociations: [{ cidrBlock: "10.20.0.0/16" }, { cidrBlock: "10.255.0.0/16" }],
    }),
  };
  const [address, tables] = await faults({ routeTables: undefined }, answers);
  assert.match(address ?? "", /^virtualAddress = .*: inside the VPC's range 10\.255\.0\.0\/16/);
  assert.match(tables ?? "", /^aws\.routeTables: missing; write the IDs of the route tables/);
});

test("reports errors of AWS, and tags that no subnet has", async () => {
  const refused = (): object => {
    const details = "invoking it: 1 error occurred:\n\t* no matching one found\n\n";
    // The form of the engine's error.
    throw Object.assign(new Error(details), { details });
  };
  const [vpc, image] = (
    await faults({}, { "aws:ec2/getVpc:getVpc": refused, "aws:ec2/getAmi:getAmi": refused })
  ).sort((a, b) => a.localeCompare(b));
  assert.match(vpc ?? "", /^aws\.vpc: AWS answers: no matching one found; write the id or the tags/);
  assert.match(image ?? "", /^os: AWS answers: .*; set aws\.image to the ID of an image of this system$/);
  const [tags] = await faults(
    { subnets: [{ tags: { Tier: "none" } }] },
    { "aws:ec2/getSubnets:getSubnets": () => ({ ids: [] }) },
  );
  assert.match(
    tags ?? "",
    /^aws\.subnets\[0\] = .*: no subnet of vpc-0123456789abcdef0 has these tags; write/,
  );
});

test("finds subnets by their tags, and the system's image, a deprecated one only if the system has no other", async () => {
  const asked: Readonly<Record<string, unknown>>[] = [];
  const answers = accountAnswers({
    "aws:ec2/getAmi:getAmi": (inputs) => {
      asked.push(inputs);
      return { id: "ami-00000009" };
    },
  });
  const packages = { erlang: { sha256: "1".repeat(64) }, rabbitmq: { sha256: "2".repeat(64) } };
  for (const more of [{}, { os: "centos-7", packages }]) {
    const { graph } = await runHosts({
      config: { ...config({ subnets: [{ tags: { Tier: "private" } }] }), ...more },
      functionAnswers: answers,
    });
    assert.equal(graph.get("cent120-machine").inputs["ami"], "ami-00000009");
  }
  assert.deepEqual(
    asked.map(({ owners, includeDeprecated }) => [owners, includeDeprecated]),
    [
      [["136693071363"], false],
      [["125523088429"], true],
    ],
  );
});
