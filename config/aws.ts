/** The block of the platform `aws`: the network, the access by SSH, and the instances. */
import { z } from "zod";
import { parseNetwork } from "../hosts/network.ts";
import { bastionKeys, loginUser } from "./login.ts";
import type { Fault } from "./faults.ts";
import type { ConfigReading } from "./reading.ts";
import type { AwsAccess, AwsNetwork, AwsPlatform, AwsSelector } from "./types.ts";
import * as values from "./values.ts";

const networkExample = "an IPv4 network such as 10.20.1.0/24";

/** A network in CIDR notation whose prefix length is within bounds, both included. */
function cidr(shortest: number, longest: number): z.ZodString {
  return values.text("not a network", networkExample, (text) => {
    const found = parseNetwork(text);
    if (found === undefined) return `not a network; write ${networkExample}`;
    if (found.cidr !== text) return `an address inside a network; write the network itself, ${found.cidr}`;
    if (found.prefixLength >= shortest && found.prefixLength <= longest) return undefined;
    return `not a size allowed here; write a network from /${String(shortest)} to /${String(longest)}`;
  });
}

/** VPCs and subnets are /16 to /28 (Amazon VPC User Guide, "VPC CIDR blocks"). */
const range = cidr(16, 28);
export const sources = values.list(cidr(0, 32), "networks, one a line, such as 203.0.113.0/24");

/** The ID of an AWS object: a prefix for its kind, and 8 or 17 hexadecimal digits. */
function id(prefix: string): z.ZodString {
  const example = `${prefix}-0123456789abcdef0`;
  return values.matching(
    new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`),
    "not an ID",
    `one such as ${example}`,
  );
}

const tags = z.record(
  z.string(),
  values.text("not a tag's value", "a text", (text) =>
    text.length > 256 ? "longer than a tag's value can be; write at most 256 characters" : undefined,
  ),
);

const zone = values.matching(/^[a-z]{2}(-[a-z]+)+-\d[a-z]$/, "not a zone", "one such as eu-central-1a");

/** Instance families without Nitro (EC2 User Guide, "Instances built on the AWS Nitro System"), whose disks are not NVMe. */
const beforeNitro = /^(t[12]|[mcr][1-4]|cc2|cr1|d2|f1|g[23]|h1|hs1|i[23]|p[23]|x1e?)\./;
/** Instance families with ARM processors: a `g` after the generation's number stands for Graviton. */
const arm = /^([a-z]+\d+g[a-z]*|a1)\./;

const instanceType = values.text("not an instance type", "one such as m6i.large", (type) => {
  const shape = /^[a-z]+\d+[a-z]*(-[a-z0-9]+)?\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)$/;
  if (!shape.test(type)) return "not an instance type; write one such as m6i.large";
  if (arm.test(type))
    return "a type with an ARM processor, and the images are x86_64; write one such as m6i.large";
  if (!beforeNitro.test(type)) return undefined;
  return "a type without Nitro, on which volumes cannot be found by their IDs; write one such as m6i.large";
});

const image = id("ami");
const volumeSize = (minGiB: number): z.ZodNumber =>
  values.wholeNumber("a volume's size", "GiB", minGiB, 16384);
const user = loginUser("admin");

export const aws = z
  .strictObject({
    region: values
      .matching(/^[a-z]{2}(-[a-z]+)+-\d$/, "not a region", "one such as eu-central-1")
      .exactOptional(),
    vpc: z
      .strictObject({
        id: id("vpc").exactOptional(),
        tags: tags.exactOptional(),
        cidr: range.exactOptional(),
      })
      .exactOptional(),
    subnets: values
      .list(
        z.strictObject({
          id: id("subnet").exactOptional(),
          tags: tags.exactOptional(),
          zone: zone.exactOptional(),
          cidr: range.exactOptional(),
        }),
        "subnets, each by zone and cidr, by id, or by tags",
      )
      .exactOptional(),
    publicSubnet: z.strictObject({ zone, cidr: range }).exactOptional(),
    routeTables: values.list(id("rtb"), "the IDs of route tables, one a line").exactOptional(),
    virtualAddressMode: values
      .choice("a way to move the virtual address", ["secondary-ip", "route"])
      .exactOptional(),
    clients: sources.exactOptional(),
    consoles: sources.default([]),
    openToTheWorld: values
      .flag("true if networks as large as the Internet shall have access, or false")
      .default(false),
    access: z
      .strictObject({
        way: values.choice("a way of access", ["bastion", "direct", "public", "ssm"]).default("bastion"),
        from: sources.default([]),
        bastion: z
          .strictObject({
            ...bastionKeys(user),
            hostKey: values
              .matching(
                /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*$/,
                "not a host key",
                "its ed25519 or ecdsa key as ssh-keyscan prints it, without the host's name",
              )
              .exactOptional(),
          })
          .exactOptional(),
        ports: z.record(z.string(), values.port).default({}),
      })
      .prefault({}),
    image: image.exactOptional(),
    images: z.record(z.string(), image).default({}),
    user: user.exactOptional(),
    types: z
      .strictObject({
        broker: instanceType.default("m6i.large"),
        balancer: instanceType.default("t3.small"),
        bastion: instanceType.default("t3.nano"),
      })
      .prefault({}),
    hostTypes: z.record(z.string(), instanceType).default({}),
    volumes: z
      .strictObject({ root: volumeSize(10).default(20), data: volumeSize(8).default(50) })
      .prefault({}),
    kmsKey: values
      .matching(
        /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
        "not a key's ARN",
        "that of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID",
      )
      .exactOptional(),
    terminationProtection: values
      .flag("true if nobody shall be able to terminate the machines, or false")
      .default(false),
    purge: values
      .flag("true if destroy shall keep no snapshot of the brokers' data, or false")
      .default(false),
    tags: tags.default({}),
  })
  .prefault({});

export type AwsBlock = z.output<typeof aws>;

/** The keys that a stack on this platform must set, and one on another platform must not. */
export const awsKeys = ["region", "vpc", "subnets"] as const;

/** @returns the block as platforms/aws takes it; config/aws-rules.ts has checked that all of it is set */
export function awsPlatform(block: AwsBlock): AwsPlatform {
  const { region = "", vpc = {}, subnets = [], publicSubnet, routeTables = [], access, ...others } = block;
  const { openToTheWorld, ...rest } = others;
  const selected = ({ id: own, tags: by }: Partial<AwsSelector>): AwsSelector => ({
    ...(own === undefined ? {} : { id: own }),
    ...(by === undefined ? {} : { tags: by }),
  });
  const awsNetwork: AwsNetwork =
    vpc.cidr === undefined
      ? { kind: "given", vpc: selected(vpc), subnets: subnets.map(selected), routeTables }
      : {
          kind: "own",
          cidr: vpc.cidr,
          subnets: subnets.map((subnet) => ({ zone: subnet.zone ?? "", cidr: subnet.cidr ?? "" })),
          ...(publicSubnet === undefined ? {} : { publicSubnet }),
        };
  return { kind: "aws", region, network: awsNetwork, access: awsAccess(access), ...rest };
}

function awsAccess({ way, from, bastion, ports }: AwsBlock["access"]): AwsAccess {
  if (way === "ssm") return { way, ports };
  if (way !== "bastion") return { way, from };
  return bastion === undefined ? { way, from } : { way, from, bastion };
}

/**
 * The stack's provider is its own, which reads no key of the default provider
 * (https://github.com/pulumi/pulumi-aws/issues/3259): a profile there would leave the machines in another account.
 */
export function providerKeyFaults(names: readonly string[], reading: ConfigReading): Fault[] {
  if (reading.validValue(["platform"]) !== "aws") return [];
  return names
    .filter((name) => name.startsWith("aws:"))
    .map((name) => ({
      path: ["aws"],
      message: `${name} in the stack's file has no effect: the region is rabbitmq-ha:aws.region, and the account is that of AWS_PROFILE or the other AWS_ variables; remove it`,
    }));
}
