/** Configurations of the platform aws for tests: in a VPC that the stack creates, and in one that exists already. */
import type { ConfigBlocks } from "./dev-stack.ts";

export const zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] as const;

/** Three brokers in three zones, two balancers in two; the stack creates the VPC and the bastion. */
export function ownVpcConfig(): ConfigBlocks {
  return {
    platform: "aws",
    brokers: ["cent120", "cent121", "cent122"].map((name, index) => ({
      name,
      address: `10.20.${String(index + 1)}.11`,
    })),
    balancers: ["cent123", "cent124"].map((name, index) => ({
      name,
      address: `10.20.${String(index + 1)}.21`,
    })),
    virtualAddress: "10.255.255.100",
    aws: {
      region: "eu-central-1",
      vpc: { cidr: "10.20.0.0/16" },
      subnets: zones.map((zone, index) => ({ zone, cidr: `10.20.${String(index + 1)}.0/24` })),
      publicSubnet: { zone: zones[0], cidr: "10.20.0.0/24" },
      access: { from: ["198.51.100.0/24"] },
    },
  };
}

/** The same machines in an existing VPC with existing subnets, behind an existing bastion. */
export function givenVpcConfig(): ConfigBlocks {
  return {
    ...ownVpcConfig(),
    aws: {
      region: "eu-central-1",
      vpc: { id: "vpc-0123456789abcdef0" },
      subnets: [1, 2, 3].map((number) => ({ id: `subnet-0000000${String(number)}` })),
      routeTables: ["rtb-00000001", "rtb-00000002"],
      access: { from: ["10.20.9.5/32"], bastion: { host: "bastion.example.org", user: "jump" } },
    },
  };
}

/** Both balancers in one subnet, so that the virtual address is a secondary address of that subnet. */
export function oneSubnetConfig(): ConfigBlocks {
  const config = ownVpcConfig();
  const [first, second] = config["balancers"] as ConfigBlocks[];
  return {
    ...config,
    balancers: [first, { ...second, address: "10.20.1.22" }],
    virtualAddress: "10.20.1.100",
  };
}
