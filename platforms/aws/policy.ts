/** The IAM policies of a balancer: they allow only the calls of agent/steps/move_address.py. */

export interface MovePolicyArgs {
  readonly region: string;
  /** The ARN of the balancer's own network interface. */
  readonly networkInterface: string;
  /** The ARNs of the route tables with a route to the virtual address; empty if it is a secondary address. */
  readonly routeTables: readonly string[];
}

interface Statement {
  readonly Effect: "Allow";
  readonly Action: string;
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

/** @returns an IAM policy document, as JSON */
function policyDocument(...statements: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** @returns the trust policy of a role that only EC2 instances can assume */
export function instanceTrustPolicy(): string {
  const Principal = { Service: "ec2.amazonaws.com" };
  return policyDocument({ Effect: "Allow", Action: "sts:AssumeRole", Principal });
}

/** @returns permission for a Describe call in the region; IAM cannot restrict such a call to single resources */
function allowDescribe(action: string, region: string): Statement {
  const Condition = { StringEquals: { "ec2:Region": region } };
  return { Effect: "Allow", Action: action, Resource: "*", Condition };
}

/** @returns the policy of a balancer that moves the virtual address */
export function moveAddressPolicy({ region, networkInterface, routeTables }: MovePolicyArgs): string {
  if (routeTables.length === 0) {
    return policyDocument(
      { Effect: "Allow", Action: "ec2:AssignPrivateIpAddresses", Resource: networkInterface },
      allowDescribe("ec2:DescribeNetworkInterfaces", region),
    );
  }
  return policyDocument(
    { Effect: "Allow", Action: "ec2:ReplaceRoute", Resource: routeTables },
    allowDescribe("ec2:DescribeRouteTables", region),
  );
}

/** @returns the partition in the ARNs of a region: China and the US government have their own */
export function arnPartition(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
