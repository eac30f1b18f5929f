/** The block `aws`: what is accepted, and what is refused before the account is queried. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parseConfig } from "../../../config/config.ts";
import { givenVpcConfig, oneSubnetConfig, ownVpcConfig, zones } from "../../support/aws-config.ts";
import type { ConfigBlocks } from "../../support/dev-stack.ts";
import { draft, faults, type Changes } from "./draft.ts";

const raw = (blocks: ConfigBlocks, changes: Changes = {}): Record<string, string> =>
  draft({ ...blocks, ...changes });

/** Asserts that a configuration with these changes is refused with exactly these faults. */
function refuses(blocks: ConfigBlocks, changes: Changes, lines: readonly string[]): void {
  assert.deepEqual(faults(raw(structuredClone(blocks), changes)), lines);
}

test("accepts a VPC of the stack's own, and fills in the defaults", () => {
  const { platform } = parseConfig(raw(ownVpcConfig()));
  assert.deepEqual(platform, {
    kind: "aws",
    region: "eu-central-1",
    network: {
      kind: "own",
      cidr: "10.20.0.0/16",
      subnets: zones.map((zone, index) => ({ zone, cidr: `10.20.${String(index + 1)}.0/24` })),
      publicSubnet: { zone: zones[0], cidr: "10.20.0.0/24" },
    },
    access: { way: "bastion", from: ["198.51.100.0/24"] },
    consoles: [],
    images: {},
    types: { broker: "m6i.large", balancer: "t3.small", bastion: "t3.nano" },
    hostTypes: {},
    volumes: { root: 20, data: 50 },
    terminationProtection: false,
    purge: false,
    tags: {},
  });
});

test("refuses keys of the default provider, which would have no effect", () => {
  const lines = faults({ ...raw(ownVpcConfig()), "aws:profile": "staging" });
  assert.deepEqual(lines, [
    "aws: aws:profile in the stack's file has no effect: the region is rabbitmq-ha:aws.region, and the account is that of AWS_PROFILE or the other AWS_ variables; remove it",
  ]);
  assert.doesNotThrow(() => parseConfig({ ...draft(), "aws:profile": "staging" }));
});

test("accepts an existing VPC, by IDs and by tags", () => {
  const { platform } = parseConfig(raw(givenVpcConfig(), { "aws.subnets.1": { tags: { Tier: "private" } } }));
  assert.ok(platform.kind === "aws" && platform.network.kind === "given");
  assert.deepEqual(platform.network.subnets[1], { tags: { Tier: "private" } });
  assert.deepEqual(platform.network.vpc, { id: "vpc-0123456789abcdef0" });
});

test("accepts balancers in one subnet, with a secondary address of it", () => {
  assert.equal(parseConfig(raw(oneSubnetConfig())).virtualAddress, "10.20.1.100");
});

test("accepts each way of access", () => {
  const ways: readonly Changes[] = [
    { "aws.access": { way: "public", from: ["198.51.100.0/24"] }, "aws.publicSubnet": undefined },
    { "aws.access": { way: "direct", from: ["10.20.0.0/16"] } },
    {
      "aws.access": {
        way: "ssm",
        ports: { cent120: 2200, cent121: 2201, cent122: 2202, cent123: 2203, cent124: 2204 },
      },
      "aws.image": "ami-00000001",
    },
  ];
  for (const changes of ways) assert.equal(parseConfig(raw(ownVpcConfig(), changes)).platform.kind, "aws");
});

test("refuses an empty block", () => {
  refuses(ownVpcConfig(), { aws: {} }, [
    "aws.region: missing; write the region, such as eu-central-1",
    "aws.vpc: missing; write its id or tags, or a cidr for the stack's own VPC",
    "aws.subnets: missing; write the subnets that the hosts are in",
    "aws.access.from = []: empty, so nobody may log in; write the networks that SSH comes from",
  ]);
});

test("refuses a filled-in block of another platform", () => {
  refuses(
    ownVpcConfig(),
    { platform: "existing", sshPrivateKey: undefined, "existing.privateKeyFile": "/none" },
    [
      "existing.privateKeyFile = (not shown): no such file; write the path of the private key, such as ~/.ssh/id_ed25519",
      "aws = {…}: not used on platform existing; write platform: aws, or remove the block",
    ],
  );
  refuses(ownVpcConfig(), { "existing.hostKeys": "" }, [
    "existing = {…}: not used on platform aws; write platform: existing, or remove the block",
  ]);
});

test("refuses a system whose packages have no AWS CLI", () => {
  refuses(ownVpcConfig(), { os: "ubuntu-24.04" }, [
    'os = "ubuntu-24.04": a system without a package of the AWS CLI, which moves the virtual address; write debian-12, debian-13, rocky-8, rocky-9 or centos-7',
  ]);
});

test("refuses invalid values, all of them at once", () => {
  const changes = {
    "aws.region": "Frankfurt",
    "aws.subnets.1.zone": "b",
    "aws.subnets.2.cidr": "10.20.3.7/24",
    "aws.image": "debian",
    "aws.types": { broker: "large", balancer: "t4g.small", bastion: "t2.micro" },
    "aws.volumes.data": 1,
    "aws.kmsKey": "alias/mine",
    "aws.virtualAddressMode": "eip",
  };
  refuses(ownVpcConfig(), changes, [
    'aws.region = "Frankfurt": not a region; write one such as eu-central-1',
    'aws.subnets[1].zone = "b": not a zone; write one such as eu-central-1a',
    'aws.subnets[2].cidr = "10.20.3.7/24": an address inside a network; write the network itself, 10.20.3.0/24',
    'aws.virtualAddressMode = "eip": not a way to move the virtual address; write secondary-ip or route',
    'aws.image = "debian": not an ID; write one such as ami-0123456789abcdef0',
    'aws.types.broker = "large": not an instance type; write one such as m6i.large',
    'aws.types.balancer = "t4g.small": a type with an ARM processor, and the images are x86_64; write one such as m6i.large',
    'aws.types.bastion = "t2.micro": a type without Nitro, on which volumes cannot be found by their IDs; write one such as m6i.large',
    "aws.volumes.data = 1: not a volume's size; write a whole number of GiB from 8 to 16384",
    'aws.kmsKey = "alias/mine": not a key\'s ARN; write that of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID',
  ]);
});

test("refuses a VPC with two selectors, or with none", () => {
  refuses(ownVpcConfig(), { "aws.vpc.id": "vpc-00000001" }, [
    "aws.vpc = {…}: has more than one of the keys id, tags and cidr; write one of them",
  ]);
  refuses(ownVpcConfig(), { "aws.vpc": {} }, [
    "aws.vpc = {…}: has none of the keys id, tags and cidr; write one of them",
  ]);
});

test("refuses subnets and keys of the other kind of VPC", () => {
  refuses(
    ownVpcConfig(),
    { "aws.subnets.1": { id: "subnet-00000001" }, "aws.routeTables": ["rtb-00000001"] },
    [
      'aws.routeTables = ["rtb-00000001"]: not used, since the stack\'s own VPC has its own route tables; remove the key',
      "aws.subnets[1] = {…}: not a subnet of the stack's own VPC; write its zone and its cidr, and nothing else",
    ],
  );
  const changes = {
    "aws.subnets.1.cidr": "10.20.2.0/24",
    "aws.publicSubnet": { zone: zones[0], cidr: "10.20.0.0/24" },
  };
  refuses(givenVpcConfig(), changes, [
    "aws.publicSubnet = {…}: not used in an existing VPC; remove the key",
    "aws.subnets[1] = {…}: not a subnet of an existing VPC; write its id or its tags, and nothing else",
  ]);
});

test("refuses subnets of another region, outside the VPC, and overlapping ones", () => {
  const changes = {
    "aws.subnets.0.zone": "eu-west-1a",
    "aws.subnets.1.cidr": "10.20.1.128/25",
    "aws.subnets.2.cidr": "10.21.3.0/24",
  };
  const found = faults(raw(ownVpcConfig(), changes)).filter((line) => line.startsWith("aws."));
  assert.deepEqual(found, [
    'aws.subnets[0].zone = "eu-west-1a": not a zone of eu-central-1; write one such as eu-central-1a',
    'aws.subnets[1].cidr = "10.20.1.128/25": overlaps with 10.20.1.0/24; write a range that overlaps with no other',
    'aws.subnets[2].cidr = "10.21.3.0/24": outside the VPC; write a range within 10.20.0.0/16',
  ]);
});

test("refuses hosts outside every subnet, and on addresses that AWS reserves", () => {
  refuses(ownVpcConfig(), { "brokers.0.address": "10.20.9.11", "balancers.1.address": "10.20.2.3" }, [
    'brokers[0].address = "10.20.9.11": in none of the subnets; write a free address of 10.20.1.0/24, 10.20.2.0/24 or 10.20.3.0/24',
    'balancers[1].address = "10.20.2.3": one of the five addresses that AWS reserves in each subnet; write a free one of 10.20.2.0/24',
  ]);
});

test("refuses brokers in fewer than three zones", () => {
  refuses(ownVpcConfig(), { "brokers.2.address": "10.20.2.12" }, [
    'brokers = ["eu-central-1a","eu-central-1b","eu-central-1b"]: in too few availability zones, so the loss of one zone would lose the majority; give them addresses in subnets of 3 zones',
  ]);
});

test("refuses five brokers of which one zone has the majority", () => {
  const more = ["10.20.1.12", "10.20.1.13"].map((address, index) => ({
    name: `more${String(index)}`,
    address,
  }));
  const { brokers } = ownVpcConfig() as { readonly brokers: readonly ConfigBlocks[] };
  refuses(ownVpcConfig(), { brokers: [...brokers, ...more] }, [
    "brokers: 3 of 5 are in eu-central-1a, whose loss would lose the majority; give some of them addresses in another zone",
  ]);
});

test("refuses balancers in one zone, unless their address is a secondary one of their subnet", () => {
  const message =
    "in one availability zone, whose loss would lose the virtual address; give them addresses in two zones, or all in one subnet with aws.virtualAddressMode: secondary-ip";
  refuses({ ...oneSubnetConfig(), virtualAddress: "10.255.255.100" }, { "aws.virtualAddressMode": "route" }, [
    `balancers = ["eu-central-1a","eu-central-1a"]: ${message}`,
  ]);
});

test("refuses a secondary address across subnets", () => {
  refuses(
    { ...ownVpcConfig(), virtualAddress: "10.20.1.100" },
    { "aws.virtualAddressMode": "secondary-ip" },
    [
      'balancers = ["eu-central-1a","eu-central-1b"]: in 2 subnets, and a secondary address cannot leave its subnet; give them addresses in one subnet, or write aws.virtualAddressMode: route',
    ],
  );
});

test("refuses an overlay address inside the VPC's range", () => {
  refuses(ownVpcConfig(), { virtualAddress: "10.20.77.1" }, [
    'virtualAddress = "10.20.77.1": inside the VPC\'s range 10.20.0.0/16, where routes cannot redirect it; write an address outside, such as 10.255.255.100',
  ]);
});

test("refuses a secondary address outside the balancers' subnet, or one that AWS reserves", () => {
  refuses({ ...oneSubnetConfig(), virtualAddress: "10.20.2.100" }, {}, [
    'virtualAddress = "10.20.2.100": outside the balancers\' subnet; write a free one of 10.20.1.0/24',
  ]);
  refuses({ ...oneSubnetConfig(), virtualAddress: "10.20.1.255" }, {}, [
    'virtualAddress = "10.20.1.255": one of the five addresses that AWS reserves in each subnet; write a free one of 10.20.1.0/24',
  ]);
});

test("refuses networks that are open to the world, also split ones, without openToTheWorld", () => {
  const open = {
    "aws.clients": ["0.0.0.0/0"],
    "aws.consoles": ["0.0.0.0/1", "128.0.0.0/1"],
    "aws.access": { from: ["10.20.0.0/16", "0.0.0.0/0"] },
  };
  const message = "open to the world; write the networks that need it, or aws.openToTheWorld: true";
  refuses(ownVpcConfig(), open, [
    `aws.clients[0] = "0.0.0.0/0": ${message}`,
    `aws.consoles[0] = "0.0.0.0/1": ${message}`,
    `aws.consoles[1] = "128.0.0.0/1": ${message}`,
    `aws.access.from[1] = "0.0.0.0/0": ${message}`,
  ]);
  const { platform } = parseConfig(raw(ownVpcConfig(), { ...open, "aws.openToTheWorld": true }));
  assert.ok(platform.kind === "aws");
  assert.deepEqual(platform.clients, ["0.0.0.0/0"]);
});

test("refuses ways of access with missing or unused keys", () => {
  refuses(givenVpcConfig(), { "aws.access": {} }, [
    "aws.access.from = []: empty, so nobody may log in; write the networks that SSH comes from",
    "aws.access.bastion: missing; write the host through which the VPC is reached, or another access.way",
  ]);
  refuses(givenVpcConfig(), { "aws.access.way": "direct" }, [
    "aws.access.bastion = {…}: not used with access.way: direct; remove it, or write access.way: bastion",
  ]);
  refuses(ownVpcConfig(), { "aws.publicSubnet": undefined }, [
    "aws.publicSubnet: missing; write the zone and cidr of a subnet for the NAT gateway, through which packages are downloaded",
  ]);
  refuses(ownVpcConfig(), { "aws.access.way": "public" }, [
    "aws.publicSubnet = {…}: not used with access.way: public; remove the key",
  ]);
});

test("refuses sessions without an SSM agent, without a port, or with another host's port", () => {
  const ports = { cent120: 2200, cent121: 2200, cent122: 22, cent123: 2203, other: 2205 };
  refuses(ownVpcConfig(), { "aws.access": { way: "ssm", ports } }, [
    "aws.access.ports = {…}: has no port for cent124; write the port of this computer that a session forwards to it",
    "aws.access.ports.cent121 = 2200: already the port of another host; write a different one",
    "aws.access.ports.cent122 = 22: reserved for root; write a port from 1024 to 65535",
    "aws.access.ports.other: not the name of a host; write one of cent120, cent121, cent122, cent123 or cent124",
    "aws.image: missing, and the systems' own images have no SSM agent; write the ID of an image that has one",
  ]);
});

test("refuses images and instance types of unknown hosts", () => {
  const names = "not the name of a host; write one of cent120, cent121, cent122, cent123 or cent124";
  refuses(
    ownVpcConfig(),
    { "aws.images": { cent12: "ami-00000001" }, "aws.hostTypes": { rabbit1: "m6i.large" } },
    [`aws.images.cent12: ${names}`, `aws.hostTypes.rabbit1: ${names}`],
  );
  refuses(ownVpcConfig(), { "aws.hostTypes": { cent120: "m6g.large" } }, [
    'aws.hostTypes.cent120 = "m6g.large": a type with an ARM processor, and the images are x86_64; write one such as m6i.large',
  ]);
});

test("refuses missing route tables, and unused ones", () => {
  refuses(givenVpcConfig(), { "aws.virtualAddressMode": "route", "aws.routeTables": undefined }, [
    "aws.routeTables: missing; write the IDs of the route tables of the balancers' and the clients' subnets",
  ]);
  refuses(givenVpcConfig(), { "aws.virtualAddressMode": "secondary-ip" }, [
    'aws.routeTables = ["rtb-00000001","rtb-00000002"]: not used with virtualAddressMode: secondary-ip; remove the key',
  ]);
});

test("brokers are accepted exactly if no zone's loss loses the majority", () => {
  const size = fc.constantFrom(3, 5, 7);
  const placed = size.chain((count) =>
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: count, maxLength: count }),
  );
  fc.assert(
    fc.property(placed, (places) => {
      const brokers = places.map((place, index) => ({
        name: `broker${String(index)}`,
        address: `10.20.${String(place)}.${String(30 + index)}`,
      }));
      const found = raw({ ...ownVpcConfig(), brokers });
      const largest = Math.max(...[1, 2, 3].map((zone) => places.filter((place) => place === zone).length));
      const sound = new Set(places).size === 3 && largest * 2 < places.length;
      if (sound) assert.equal(parseConfig(found).brokers.length, places.length);
      else assert.equal(faults(found).length, 1);
    }),
  );
});

test("refuses metrics that the whole world may read", () => {
  assert.match(
    faults(raw(ownVpcConfig(), { metricsFrom: ["0.0.0.0/0"] })).join("\n"),
    /metricsFrom.*open to the world/,
  );
});
