/** The VPC of the machines: a given one, or one that the stack makes. */
import * as pulumi from "@pulumi/pulumi";
import { findSubnet, type AddressMode } from "../../config/aws-placement.ts";
import type { AwsNetwork, AwsPlatform, AwsSubnet } from "../../config/types.ts";
import { aws } from "./sdk.ts";
import type { AccountSurvey } from "./survey.ts";
import type { TagFactory } from "./tags.ts";

export interface RouteTable {
  /** Its name as a part of resource names. */
  readonly name: string;
  readonly id: pulumi.Input<string>;
  readonly arn: pulumi.Input<string>;
}

/** A subnet with its AWS ID. */
export type Subnet = AwsSubnet & { readonly id: pulumi.Input<string> };

export interface Network {
  readonly vpcId: pulumi.Input<string>;
  /** The VPC's ranges, in CIDR notation. */
  readonly ranges: readonly string[];
  readonly mode: AddressMode;
  readonly subnets: readonly Subnet[];
  /** The subnet of the stack's own bastion; absent if the stack makes none. */
  readonly publicSubnet?: Subnet;
  /** The route tables with a route to the virtual address; empty if it is a secondary address. */
  readonly routeTables: readonly RouteTable[];
  /** The resources that a machine's outgoing connections depend on. */
  readonly dependencies: readonly pulumi.Resource[];
}

type Own = Extract<AwsNetwork, { readonly kind: "own" }>;

/** @returns the subnet of a host's address; the survey has checked that there is one */
export function requireSubnet(address: string, { subnets }: Network): Subnet {
  const found = findSubnet(address, subnets);
  if (found === undefined) throw new Error(`${address} is in no subnet`);
  return found;
}

export function makeNetwork(
  { network, access }: AwsPlatform,
  { vpc, ranges, mode }: AccountSurvey,
  tags: TagFactory,
  options: pulumi.CustomResourceOptions,
): Network {
  if (vpc === undefined) {
    if (network.kind === "given") throw new Error("the account has not been asked for the VPC");
    const own = new OwnVpc(network, tags, options);
    return { ...own.makeNetwork(access.way === "public", mode), ranges: [network.cidr], mode };
  }
  return {
    vpcId: vpc.id,
    ranges,
    mode,
    subnets: vpc.subnets,
    dependencies: [],
    routeTables: mode === "route" ? vpc.routeTables.map((table) => ({ name: table.id, ...table })) : [],
  };
}

/** @returns the range as a part of a resource's name, which identifies the resource */
function nameOfRange(cidr: string): string {
  return cidr.replace("/", "-");
}

class OwnVpc {
  readonly #network: Own;
  readonly #tags: TagFactory;
  readonly #options: pulumi.CustomResourceOptions;
  readonly #vpc: aws.ec2.Vpc;
  readonly #gateway: aws.ec2.InternetGateway;

  constructor(network: Own, tags: TagFactory, options: pulumi.CustomResourceOptions) {
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

  /** @param isPublic whether the machines have public addresses, and so need no NAT gateway */
  makeNetwork(isPublic: boolean, mode: AddressMode): Omit<Network, "ranges" | "mode"> {
    const { subnets: subnetArgs, publicSubnet: publicSubnetArgs } = this.#network;
    const subnets = subnetArgs.map((each) => this.#makeSubnet(each));
    const publicSubnet = publicSubnetArgs === undefined ? undefined : this.#makeSubnet(publicSubnetArgs);
    const gatewayId = this.#gateway.id;
    const publicTable =
      isPublic || publicSubnet !== undefined ? this.#makeTable("public", { gatewayId }) : undefined;
    const nat =
      isPublic || publicSubnet === undefined
        ? undefined
        : this.#makeNatGateway(publicSubnet, publicTable?.ready ?? []);
    const table = nat === undefined ? publicTable : this.#makeTable("private", { natGatewayId: nat.id });
    if (table === undefined)
      throw new Error("the machines have no outgoing route, which the configuration's rules exclude");
    const associations = [
      ...subnets.map((subnet) => this.#associate(subnet, table.table)),
      ...(publicSubnet === undefined || publicTable === undefined
        ? []
        : [this.#associate(publicSubnet, publicTable.table)]),
    ];
    const tables = new Set([table, ...(publicTable === undefined ? [] : [publicTable])]);
    return {
      vpcId: this.#vpc.id,
      subnets,
      ...(publicSubnet === undefined ? {} : { publicSubnet }),
      routeTables:
        mode === "route" ? [...tables].map(({ name, table: { id, arn } }) => ({ name, id, arn })) : [],
      dependencies: [...[...tables].flatMap(({ ready }) => ready), ...associations],
    };
  }

  #makeSubnet({ zone, cidr }: AwsSubnet): Subnet {
    const subnet = new aws.ec2.Subnet(
      `aws-subnet-${nameOfRange(cidr)}`,
      {
        vpcId: this.#vpc.id,
        availabilityZone: zone,
        cidrBlock: cidr,
        // A machine with a public address gets an Elastic IP instead.
        mapPublicIpOnLaunch: false,
        tags: this.#tags(`subnet-${nameOfRange(cidr)}`),
      },
      this.#options,
    );
    return { zone, cidr, id: subnet.id };
  }

  #makeTable(
    name: string,
    target: { readonly gatewayId: pulumi.Input<string> } | { readonly natGatewayId: pulumi.Input<string> },
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
      { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", ...target },
      this.#options,
    );
    return { name, table, ready: [route] };
  }

  #associate({ cidr, id }: Subnet, table: aws.ec2.RouteTable): pulumi.Resource {
    return new aws.ec2.RouteTableAssociation(
      `aws-subnet-${nameOfRange(cidr)}-table`,
      { subnetId: id, routeTableId: table.id },
      this.#options,
    );
  }

  #makeNatGateway({ id }: Subnet, ready: readonly pulumi.Resource[]): aws.ec2.NatGateway {
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
