/** What a balancer may ask of the account: the calls of agent/steps/move_address.py, and no other. */

export interface MoveArgs {
  readonly region: string;
  /** The ARN of the balancer's own network interface. */
  readonly networkInterface: string;
  /** The ARNs of the route tables that the address is a route in; none where it is a secondary one. */
  readonly routeTables: readonly string[];
}

interface Statement {
  readonly Effect: "Allow";
  readonly Action: string;
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

/** A policy document of IAM's, as JSON. */
function document(...statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** @returns who may take the role: an instance */
export function instancesOnly(): string {
  const Principal = { Service: "ec2.amazonaws.com" };
  return document({ Effect: "Allow", Action: "sts:AssumeRole", Principal });
}

/** @returns a describing call, which IAM cannot hold to single resources, held to the region */
function look(action: string, region: string): Statement {
  const Condition = { StringEquals: { "ec2:Region": region } };
  return { Effect: "Allow", Action: action, Resource: "*", Condition };
}

export function moveAddress({ region, networkInterface, routeTables }: MoveArgs): string {
  if (routeTables.length === 0) {
    return document(
      { Effect: "Allow", Action: "ec2:AssignPrivateIpAddresses", Resource: networkInterface },
      look("ec2:DescribeNetworkInterfaces", region),
    );
  }
  return document(
    { Effect: "Allow", Action: "ec2:ReplaceRoute", Resource: routeTables },
    look("ec2:DescribeRouteTables", region),
  );
}

/** @returns the part of an ARN that tells China's and the US government's regions from the others */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
