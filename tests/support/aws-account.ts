/** The answers of a mocked AWS account: a VPC with three subnets and two route tables, and an image for each system. */
import type { RunArgs } from "./program.ts";
import { zones } from "./aws-config.ts";

type Inputs = Readonly<Record<string, unknown>>;

export const vpcId = "vpc-0123456789abcdef0";

/** @param changes answers that replace the usual ones */
export function accountAnswers(
  changes: NonNullable<RunArgs["functionAnswers"]> = {},
): NonNullable<RunArgs["functionAnswers"]> {
  return {
    "aws:ec2/getAmi:getAmi": ({ owners }: Inputs) => ({ id: `ami-of-${String((owners as string[])[0])}` }),
    "aws:ec2/getVpc:getVpc": ({ id }: Inputs) => ({
      id: id ?? vpcId,
      cidrBlock: "10.20.0.0/16",
      cidrBlockAssociations: [{ cidrBlock: "10.20.0.0/16" }],
    }),
    "aws:ec2/getSubnets:getSubnets": () => ({ ids: [1, 2, 3].map(subnetId) }),
    "aws:ec2/getSubnet:getSubnet": ({ id }: Inputs) => {
      const number = Number(String(id).slice(-1));
      return {
        id,
        vpcId,
        availabilityZone: zones[number - 1] ?? "",
        cidrBlock: `10.20.${String(number)}.0/24`,
      };
    },
    "aws:ec2/getRouteTable:getRouteTable": ({ routeTableId }: Inputs) => ({
      routeTableId,
      vpcId,
      arn: `arn:aws:ec2:eu-central-1:123456789012:route-table/${String(routeTableId)}`,
    }),
    ...changes,
  };
}

function subnetId(number: number): string {
  return `subnet-0000000${String(number)}`;
}
