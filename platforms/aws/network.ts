/** The VPC that machines stand in: one that is there already, or one of the stack's own. */
import * as pulumi from "@pulumi/pulumi";
import { subnetOf, type AddressMode } from "../../config/aws-placement.ts";
import type { AwsNetwork, AwsPlatform, AwsSubnet } from "../../config/types.ts";
import { aws } from "./sdk.ts";
import type { Survey } from "./survey.ts";
import type { Tags } from "./tags.ts";

export interface RouteTable {
  /** As a part of a resource's name. */
  readonly name: string;
  readonly id: pulumi.Input<string>;
  readonly arn: pulumi.Input<string>;
}

/** A subnet, and what AWS calls it. */
export type Subnet = AwsSubnet & { readonly id: pulumi.Input<string> };

export interface Network {
  readonly vpcId: pulumi.Input<string>;
  /** The VPC's ranges, in CIDR notation. */
  readonly ranges: readonly string[];
  readonly mode: AddressMode;
  readonly subnets: readonly Subnet[];
  /** Of the stack's own bastion; absent: it makes none. */
  readonly publicSubnet?: Subnet;
  /** Those that the virtual address is a route in; none where it is a secondary one. */
  readonly routeTables: readonly RouteTable[];
  /** What has to be there before a machine can fetch anything. */
  readonly ready: readonly pulumi.Resource[];
}

type Own = Extract<AwsNetwork, { readonly kind: "own" }>;

/** @returns the subnet of a host's address; the survey has seen to it that there is one */
export function subnetFor(address: string, { subnets }: Network): Subnet {
  const found = subnetOf(address, subnets);
  if (found === undefined) throw new Error(`${address} is in no subnet`);
  return found;
}

export function makeNetwork(
  { network, access }: AwsPlatform,
  { vpc, ranges, mode }: Survey,
  tags: Tags,
  options: pulumi.CustomResourceOptions,
): Network {
  if (vpc === undefined) {
    if (network.kind === "given") throw new Error("nobody has asked the account for the VPC");
    const own = new OwnVpc(network, tags, options);
    return { ...own.network(access.way === "public", mode), ranges: [network.cidr], mode };
  }
  return {
    vpcId: vpc.id,
    ranges,
    mode,
    subnets: vpc.subnets,
    ready: [],
    routeTables: mode === "route" ? vpc.routeTables.map((table) => ({ name: table.id, ...table })) : [],
  };
}

/** A range as a part of a resource's name, which it is the identity of. */
function named(cidr: string): string {
  return cidr.replace("/", "-");
}

class OwnVpc {
  readonly #network: Own;
  readonly #tags: Tags;
  readonly #options: pulumi.CustomResourceOptions;
  readonly #vpc: aws.ec2.Vpc;
  readonly #gateway: aws.ec2.InternetGateway;

  constructor(network: Own, tags: Tags, options: pulumi.CustomResourceOptions) {
    this.#network = network;
    this.#tags = tags;
    this.#options = options;
    this.#vpc = new aws.ec2.Vpc(
      "aws-vpc",
      { cidrBlock: network.cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: tags("vpc") },
      options,
    );
    this.#gateway = new aws.ec2.InternetGateway(
      "aws-gateway",
      { vpcId: this.#vpc.id, tags: tags("gateway") },
      options,
    );
  }

  /** @param open whether the machines have public addresses, and so the gateway itself for a way out */
  network(open: boolean, mode: AddressMode): Omit<Network, "ranges" | "mode"> {
    const { subnets: places, publicSubnet: place } = this.#network;
    const subnets = places.map((each) => this.#subnet(each));
    const outside = place === undefined ? undefined : this.#subnet(place);
    const gatewayId = this.#gateway.id;
    const publicTable = open || outside !== undefined ? this.#table("public", { gatewayId }) : undefined;
    const nat = open || outside === undefined ? undefined : this.#nat(outside, publicTable?.ready ?? []);
    const table = nat === undefined ? publicTable : this.#table("private", { natGatewayId: nat.id });
    if (table === undefined)
      throw new Error("the machines have no way out; the configuration's rules see to it");
    const joined = [
      ...subnets.map((subnet) => this.#join(subnet, table.table)),
      ...(outside === undefined || publicTable === undefined ? [] : [this.#join(outside, publicTable.table)]),
    ];
    const tables = new Set([table, ...(publicTable === undefined ? [] : [publicTable])]);
    return {
      vpcId: this.#vpc.id,
      subnets,
      ...(outside === undefined ? {} : { publicSubnet: outside }),
      routeTables:
        mode === "route" ? [...tables].map(({ name, table: { id, arn } }) => ({ name, id, arn })) : [],
      ready: [...[...tables].flatMap(({ ready }) => ready), ...joined],
    };
  }

  #subnet({ zone, cidr }: AwsSubnet): Subnet {
    const subnet = new aws.ec2.Subnet(
      `aws-subnet-${named(cidr)}`,
      {
        vpcId: this.#vpc.id,
        availabilityZone: zone,
        cidrBlock: cidr,
        // Whoever is to have a public address is given one by name.
        mapPublicIpOnLaunch: false,
        tags: this.#tags(`subnet-${named(cidr)}`),
      },
      this.#options,
    );
    return { zone, cidr, id: subnet.id };
  }

  #table(
    name: string,
    way: { readonly gatewayId: pulumi.Input<string> } | { readonly natGatewayId: pulumi.Input<string> },
  ): {
    readonly name: string;
    readonly table: aws.ec2.RouteTable;
    readonly ready: readonly pulumi.Resource[];
  } {
    const table = new aws.ec2.RouteTable(
      `aws-table-${name}`,
      { vpcId: this.#vpc.id, tags: this.#tags(`table-${name}`) },
      this.#options,
    );
    const route = new aws.ec2.Route(
      `aws-table-${name}-out`,
      { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", ...way },
      this.#options,
    );
    return { name, table, ready: [route] };
  }

  #join({ cidr, id }: Subnet, table: aws.ec2.RouteTable): pulumi.Resource {
    return new aws.ec2.RouteTableAssociation(
      `aws-subnet-${named(cidr)}-table`,
      { subnetId: id, routeTableId: table.id },
      this.#options,
    );
  }

  #nat({ id }: Subnet, ready: readonly pulumi.Resource[]): aws.ec2.NatGateway {
    const address = new aws.ec2.Eip(
      "aws-nat-address",
      { domain: "vpc", tags: this.#tags("nat") },
      this.#options,
    );
    return new aws.ec2.NatGateway(
      "aws-nat",
      { subnetId: id, allocationId: address.id, tags: this.#tags("nat") },
      { ...this.#options, dependsOn: [...ready] },
    );
  }
}
