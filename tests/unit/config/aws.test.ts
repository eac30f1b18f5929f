/** Machines in an account: what is taken, and what is refused before the account is asked. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parseConfig } from "../../../config/config.ts";
import { givenVpc, oneSubnet, ownVpc, zones } from "../../support/aws-config.ts";
import type { Blocks } from "../../support/dev-stack.ts";
import { draft, faults, type Changes } from "./draft.ts";

const raw = (blocks: Blocks, changes: Changes = {}): Record<string, string> =>
  draft({ ...blocks, ...changes });

/** Asserts that a configuration with these changes is refused with exactly these faults. */
function refuses(blocks: Blocks, changes: Changes, lines: readonly string[]): void {
  assert.deepEqual(faults(raw(structuredClone(blocks), changes)), lines);
}

test("takes a VPC of the stack's own, and fills in the rest", () => {
  const { platform } = parseConfig(raw(ownVpc()));
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
    volumes: { root: 20, data: 50 },
    terminationProtection: false,
    purge: false,
    tags: {},
  });
});

test("takes a VPC that is there already, by IDs and by tags", () => {
  const { platform } = parseConfig(raw(givenVpc(), { "aws.subnets.1": { tags: { Tier: "private" } } }));
  assert.ok(platform.kind === "aws" && platform.network.kind === "given");
  assert.deepEqual(platform.network.subnets[1], { tags: { Tier: "private" } });
  assert.deepEqual(platform.network.vpc, { id: "vpc-0123456789abcdef0" });
});

test("takes balancers in one subnet, with a secondary address of it", () => {
  assert.equal(parseConfig(raw(oneSubnet())).virtualAddress, "10.20.1.100");
});

test("takes each way in", () => {
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
  for (const changes of ways) assert.equal(parseConfig(raw(ownVpc(), changes)).platform.kind, "aws");
});

test("refuses a block that says nothing", () => {
  refuses(ownVpc(), { aws: {} }, [
    "aws.region: missing; write the region, such as eu-central-1",
    "aws.vpc: missing; write its id or tags, or the cidr of one of the stack's own",
    "aws.subnets: missing; write the subnets that the hosts stand in",
    "aws.access.from = []: nobody may log in; write the networks that SSH comes from",
  ]);
});

test("refuses another platform's block that was meant to be used", () => {
  refuses(ownVpc(), { platform: "existing", sshPrivateKey: undefined, "existing.privateKeyFile": "/none" }, [
    "existing.privateKeyFile = (not shown): no such file; write where the private key lies, such as ~/.ssh/id_ed25519",
    "aws = {…}: of no use to platform existing; write platform: aws, or remove the block",
  ]);
  refuses(ownVpc(), { "existing.hostKeys": "" }, [
    "existing = {…}: of no use to platform aws; write platform: existing, or remove the block",
  ]);
});

test("refuses a system whose packages have no AWS CLI", () => {
  refuses(ownVpc(), { os: "ubuntu-24.04" }, [
    'os = "ubuntu-24.04": it has no AWS CLI among its packages, which moves the virtual address; write debian-12, debian-13, rocky-8, rocky-9 or centos-7',
  ]);
});

test("refuses values that are none, all of them at once", () => {
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
  refuses(ownVpc(), changes, [
    'aws.region = "Frankfurt": not a region; write one such as eu-central-1',
    'aws.subnets[1].zone = "b": not a zone; write one such as eu-central-1a',
    'aws.subnets[2].cidr = "10.20.3.7/24": an address inside a network; write the network itself, 10.20.3.0/24',
    'aws.virtualAddressMode = "eip": not a way to move the virtual address; write secondary-ip or route',
    'aws.image = "debian": not an ID; write one such as ami-0123456789abcdef0',
    'aws.types.broker = "large": not an instance type; write one such as m6i.large',
    'aws.types.balancer = "t4g.small": one with an ARM processor, and the images are x86_64; write one such as m6i.large',
    'aws.types.bastion = "t2.micro": one from before Nitro, whose volumes cannot be told apart by their IDs; write one such as m6i.large',
    "aws.volumes.data = 1: not a volume's size; write a whole number of GiB from 8 to 16384",
    'aws.kmsKey = "alias/mine": not a key\'s ARN; write that of a KMS key, arn:aws:kms:REGION:ACCOUNT:key/ID',
  ]);
});

test("refuses a VPC that is said in two ways, or in none", () => {
  refuses(ownVpc(), { "aws.vpc.id": "vpc-00000001" }, [
    "aws.vpc = {…}: says in more than one way which VPC it is; write one of id, tags and cidr",
  ]);
  refuses(ownVpc(), { "aws.vpc": {} }, [
    "aws.vpc = {…}: does not say which VPC it is; write one of id, tags and cidr",
  ]);
});

test("refuses subnets of the other kind of VPC, and what the other kind has", () => {
  refuses(ownVpc(), { "aws.subnets.1": { id: "subnet-00000001" }, "aws.routeTables": ["rtb-00000001"] }, [
    'aws.routeTables = ["rtb-00000001"]: the stack\'s own VPC has route tables of its own; remove the key',
    "aws.subnets[1] = {…}: not one of the stack's own VPC; write its zone and its cidr, and nothing else",
  ]);
  const changes = {
    "aws.subnets.1.cidr": "10.20.2.0/24",
    "aws.publicSubnet": { zone: zones[0], cidr: "10.20.0.0/24" },
  };
  refuses(givenVpc(), changes, [
    "aws.publicSubnet = {…}: of no use in a VPC that is there already; remove the key",
    "aws.subnets[1] = {…}: not one of a VPC that is there already; write its id or its tags, and nothing else",
  ]);
});

test("refuses subnets of another region, outside the VPC, and over each other", () => {
  const changes = {
    "aws.subnets.0.zone": "eu-west-1a",
    "aws.subnets.1.cidr": "10.20.1.128/25",
    "aws.subnets.2.cidr": "10.21.3.0/24",
  };
  const found = faults(raw(ownVpc(), changes)).filter((line) => line.startsWith("aws."));
  assert.deepEqual(found, [
    'aws.subnets[0].zone = "eu-west-1a": no zone of eu-central-1; write one such as eu-central-1a',
    'aws.subnets[1].cidr = "10.20.1.128/25": overlaps with 10.20.1.0/24; write a range of its own',
    'aws.subnets[2].cidr = "10.21.3.0/24": outside the VPC; write a part of 10.20.0.0/16',
  ]);
});

test("refuses hosts outside every subnet, and on addresses that AWS keeps", () => {
  refuses(ownVpc(), { "brokers.0.address": "10.20.9.11", "balancers.1.address": "10.20.2.3" }, [
    'brokers[0].address = "10.20.9.11": in none of the subnets; write a free one of 10.20.1.0/24, 10.20.2.0/24 or 10.20.3.0/24',
    'balancers[1].address = "10.20.2.3": one of the five that AWS keeps for itself in each subnet; write a free one of 10.20.2.0/24',
  ]);
});

test("refuses brokers over fewer than three zones", () => {
  refuses(ownVpc(), { "brokers.2.address": "10.20.2.12" }, [
    'brokers = ["eu-central-1a","eu-central-1b","eu-central-1b"]: in too few availability zones, and the loss of one would take the majority along; give them addresses in subnets of 3 zones',
  ]);
});

test("refuses five brokers of which one zone has the majority", () => {
  const more = ["10.20.1.12", "10.20.1.13"].map((address, index) => ({
    name: `more${String(index)}`,
    address,
  }));
  const { brokers } = ownVpc() as { readonly brokers: readonly Blocks[] };
  refuses(ownVpc(), { brokers: [...brokers, ...more] }, [
    "brokers: 3 of 5 in eu-central-1a, whose loss would take the majority along; give some an address in another zone",
  ]);
});

test("refuses balancers in one zone, unless their address is a secondary one of their subnet", () => {
  const words =
    "in one availability zone, whose loss would take the virtual address along; give them addresses in two zones, or all in one subnet with aws.virtualAddressMode: secondary-ip";
  refuses({ ...oneSubnet(), virtualAddress: "10.255.255.100" }, { "aws.virtualAddressMode": "route" }, [
    `balancers = ["eu-central-1a","eu-central-1a"]: ${words}`,
  ]);
});

test("refuses a secondary address across subnets", () => {
  refuses({ ...ownVpc(), virtualAddress: "10.20.1.100" }, { "aws.virtualAddressMode": "secondary-ip" }, [
    'balancers = ["eu-central-1a","eu-central-1b"]: in 2 subnets, and a secondary address cannot leave its own; give them addresses in one subnet, or write aws.virtualAddressMode: route',
  ]);
});

test("refuses an overlay address inside the VPC's range", () => {
  refuses(ownVpc(), { virtualAddress: "10.20.77.1" }, [
    'virtualAddress = "10.20.77.1": inside the VPC\'s range 10.20.0.0/16, where no route can lead it elsewhere; write one outside, such as 10.255.255.100',
  ]);
});

test("refuses a secondary address outside the balancers' subnet, or one that AWS keeps", () => {
  refuses({ ...oneSubnet(), virtualAddress: "10.20.2.100" }, {}, [
    'virtualAddress = "10.20.2.100": outside the balancers\' subnet; write a free one of 10.20.1.0/24',
  ]);
  refuses({ ...oneSubnet(), virtualAddress: "10.20.1.255" }, {}, [
    'virtualAddress = "10.20.1.255": one of the five that AWS keeps for itself in each subnet; write a free one of 10.20.1.0/24',
  ]);
});

test("refuses networks that are open to the world, however they are cut, without the word for it", () => {
  const open = {
    "aws.clients": ["0.0.0.0/0"],
    "aws.consoles": ["0.0.0.0/1", "128.0.0.0/1"],
    "aws.access": { from: ["10.20.0.0/16", "0.0.0.0/0"] },
  };
  const words = "open to the world; write the networks that need it, or aws.openToTheWorld: true";
  refuses(ownVpc(), open, [
    `aws.clients[0] = "0.0.0.0/0": ${words}`,
    `aws.consoles[0] = "0.0.0.0/1": ${words}`,
    `aws.consoles[1] = "128.0.0.0/1": ${words}`,
    `aws.access.from[1] = "0.0.0.0/0": ${words}`,
  ]);
  const { platform } = parseConfig(raw(ownVpc(), { ...open, "aws.openToTheWorld": true }));
  assert.ok(platform.kind === "aws");
  assert.deepEqual(platform.clients, ["0.0.0.0/0"]);
});

test("refuses ways in that lack something, or have too much", () => {
  refuses(givenVpc(), { "aws.access": {} }, [
    "aws.access.from = []: nobody may log in; write the networks that SSH comes from",
    "aws.access.bastion: missing; write the host that leads into the VPC, or another access.way",
  ]);
  refuses(givenVpc(), { "aws.access.way": "direct" }, [
    "aws.access.bastion = {…}: of no use to the way direct; remove it, or write access.way: bastion",
  ]);
  refuses(ownVpc(), { "aws.publicSubnet": undefined }, [
    "aws.publicSubnet: missing; write the zone and cidr of a subnet for the NAT gateway, through which packages are fetched",
  ]);
  refuses(ownVpc(), { "aws.access.way": "public" }, [
    "aws.publicSubnet = {…}: of no use to machines with public addresses of their own; remove the key",
  ]);
});

test("refuses sessions without an agent, without a port, or with another's", () => {
  const ports = { cent120: 2200, cent121: 2200, cent122: 22, cent123: 2203, other: 2205 };
  refuses(ownVpc(), { "aws.access": { way: "ssm", ports } }, [
    "aws.access.ports = {…}: has no port for cent124; write the one that a session forwards",
    "aws.access.ports.cent121 = 2200: the port of another host; write one of its own",
    "aws.access.ports.cent122 = 22: root's alone; write a port from 1024 to 65535",
    "aws.access.ports.other: no host's name; write one of cent120, cent121, cent122, cent123 or cent124",
    "aws.image: missing, and the systems' own images have no SSM agent; write the ID of one that has",
  ]);
});

test("refuses images of hosts that there are not", () => {
  refuses(ownVpc(), { "aws.images": { cent12: "ami-00000001" } }, [
    "aws.images.cent12: no host's name; write one of cent120, cent121, cent122, cent123 or cent124",
  ]);
});

test("refuses route tables where they are missing, or of no use", () => {
  refuses(givenVpc(), { "aws.virtualAddressMode": "route", "aws.routeTables": undefined }, [
    "aws.routeTables: missing; write the IDs of the route tables of the balancers' and the clients' subnets",
  ]);
  refuses(givenVpc(), { "aws.virtualAddressMode": "secondary-ip" }, [
    'aws.routeTables = ["rtb-00000001","rtb-00000002"]: of no use to a secondary address; remove the key',
  ]);
});

test("brokers are taken exactly if no zone's loss takes the majority along", () => {
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
      const found = raw({ ...ownVpc(), brokers });
      const largest = Math.max(...[1, 2, 3].map((zone) => places.filter((place) => place === zone).length));
      const sound = new Set(places).size === 3 && largest * 2 < places.length;
      if (sound) assert.equal(parseConfig(found).brokers.length, places.length);
      else assert.equal(faults(found).length, 1);
    }),
  );
});
