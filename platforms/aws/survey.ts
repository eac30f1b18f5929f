/** What the account holds of what the configuration names, and whether machines can stand there as they should. */
import * as pulumi from "@pulumi/pulumi";
import {
  addressMode,
  placementFaults,
  type AddressMode,
  type Placement,
} from "../../config/aws-placement.ts";
import { missingRouteTables } from "../../config/aws-rules.ts";
import { report, type Fault, type Path } from "../../config/faults.ts";
import type { AwsNetwork, AwsPlatform, AwsSelector, AwsSubnet } from "../../config/types.ts";
import type { OperatingSystem } from "../../hosts/host.ts";
import { imageOf } from "./images.ts";
import { aws } from "./sdk.ts";

export interface SurveyArgs {
  readonly machines: readonly { readonly name: string; readonly address: string; readonly role: Role }[];
  readonly os: OperatingSystem;
  readonly platform: AwsPlatform;
  readonly virtualAddress: string;
}

export type Role = "broker" | "balancer";

interface Table {
  readonly id: string;
  readonly arn: string;
}

/** A VPC that is there already. */
export interface GivenVpc {
  readonly id: string;
  readonly subnets: readonly (AwsSubnet & { readonly id: string })[];
  readonly routeTables: readonly Table[];
}

export interface Survey {
  /** The VPC's ranges, in CIDR notation. */
  readonly ranges: readonly string[];
  readonly mode: AddressMode;
  /** Absent: the stack makes its own. */
  readonly vpc?: GivenVpc;
  /** The ID of the system's newest image. */
  readonly image: string;
}

type Given = Extract<AwsNetwork, { readonly kind: "given" }>;

/** Asks one thing of the account; an answer that is an error becomes a fault. */
async function ask<Answer>(
  faults: Fault[],
  path: Path,
  remedy: string,
  question: () => Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await question();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    faults.push({ path, words: `the account says: ${causeOf(text)}; ${remedy}` });
    return undefined;
  }
}

/** @returns the provider's own words in an error of the engine's: its points, or else its last line */
function causeOf(text: string): string {
  const points = [...text.matchAll(/^\s*\* (.+)$/gm)].map(([, point = ""]) => point.trim());
  const last = text.split("\n").findLast((line) => line.trim() !== "") ?? text;
  return points.length > 0 ? points.join("; ") : last.trim();
}

/** @throws pulumi.RunError with everything that is wrong, before any machine is made */
export async function survey(args: SurveyArgs, options: pulumi.InvokeOptions): Promise<Survey> {
  const { platform, os } = args;
  const { network, image: pinned } = platform;
  const faults: Fault[] = [];
  const [image, vpc] = await Promise.all([
    pinned ?? newestImage(os, faults, options),
    network.kind === "given" ? givenVpc(network, faults, options) : undefined,
  ]);
  const ranges = network.kind === "own" ? [network.cidr] : (vpc?.ranges ?? []);
  const placement = placementOf(
    args,
    ranges,
    network.kind === "own" ? network.subnets : (vpc?.subnets ?? []),
  );
  const mode = addressMode(placement);
  // What the configuration told has been judged already.
  if (vpc !== undefined && faults.length === 0) {
    faults.push(...placementFaults(placement), ...tableFaults(vpc, mode));
  }
  if (faults.length > 0 || image === undefined) throw refusal(faults);
  return { ranges, mode, image, ...(vpc === undefined ? {} : { vpc }) };
}

function refusal(faults: readonly Fault[]): pulumi.RunError {
  const keys = ["os", "brokers", "balancers", "virtualAddress", "aws"];
  const error = new pulumi.RunError(report(faults, keys, pulumi.getStack()));
  // Nobody reads it, and the engine's way of formatting it costs Node half a minute (nodejs/node#64011).
  error.stack = "";
  return error;
}

function placementOf(
  { machines, platform, virtualAddress }: SurveyArgs,
  ranges: readonly string[],
  subnets: readonly AwsSubnet[],
): Placement {
  const of = (wanted: Role): SurveyArgs["machines"] => machines.filter(({ role }) => role === wanted);
  const { virtualAddressMode: mode } = platform;
  return { ranges, subnets, brokers: of("broker"), balancers: of("balancer"), virtualAddress, mode };
}

function tableFaults({ routeTables }: GivenVpc, mode: AddressMode): Fault[] {
  const path = ["aws", "routeTables"];
  return mode === "route" && routeTables.length === 0 ? [{ path, words: missingRouteTables }] : [];
}

async function newestImage(
  os: OperatingSystem,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<string | undefined> {
  const { owner, names, deprecated } = imageOf(os);
  const found = await ask(faults, ["os"], "write the ID of an image of it as aws.image", () =>
    aws.ec2.getAmi(
      {
        owners: [owner],
        mostRecent: true,
        includeDeprecated: deprecated,
        filters: [
          { name: "name", values: [...names] },
          { name: "architecture", values: ["x86_64"] },
          { name: "root-device-type", values: ["ebs"] },
          { name: "virtualization-type", values: ["hvm"] },
        ],
      },
      options,
    ),
  );
  return found?.id;
}

async function givenVpc(
  network: Given,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<(GivenVpc & { readonly ranges: readonly string[] }) | undefined> {
  const path = ["aws", "vpc"];
  const vpc = await ask(faults, path, "write the id or the tags of one that is there", () =>
    aws.ec2.getVpc(selection(network.vpc), options),
  );
  if (vpc === undefined) return undefined;
  const [subnets, routeTables] = await Promise.all([
    Promise.all(network.subnets.map((each, index) => subnetsOf(vpc.id, each, index, faults, options))),
    Promise.all(network.routeTables.map((id, index) => tableOf(vpc.id, id, index, faults, options))),
  ]);
  const associations = vpc.cidrBlockAssociations.map(({ cidrBlock }) => cidrBlock);
  return {
    id: vpc.id,
    ranges: [...new Set([vpc.cidrBlock, ...associations])],
    subnets: subnets.flat(),
    routeTables: routeTables.flat(),
  };
}

function selection({ id, tags }: AwsSelector): { id?: string; tags?: Record<string, string> } {
  return { ...(id === undefined ? {} : { id }), ...(tags === undefined ? {} : { tags: { ...tags } }) };
}

async function subnetsOf(
  vpcId: string,
  { id, tags = {} }: AwsSelector,
  index: number,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<GivenVpc["subnets"]> {
  const path = ["aws", "subnets", index];
  const remedy = `write the id or the tags of subnets of ${vpcId}`;
  const ids =
    id === undefined
      ? await ask(faults, path, remedy, async () => {
          const filters = [{ name: "vpc-id", values: [vpcId] }];
          return (await aws.ec2.getSubnets({ filters, tags: { ...tags } }, options)).ids;
        })
      : [id];
  if (ids?.length === 0)
    faults.push({ path, value: tags, words: `no subnet of ${vpcId} has these tags; ${remedy}` });
  const found = await Promise.all(
    (ids ?? []).map((each) => ask(faults, path, remedy, () => aws.ec2.getSubnet({ id: each }, options))),
  );
  return found.flatMap((subnet) => {
    if (subnet === undefined) return [];
    if (subnet.vpcId === vpcId)
      return [{ id: subnet.id, zone: subnet.availabilityZone, cidr: subnet.cidrBlock }];
    faults.push({ path, value: id, words: `a subnet of ${subnet.vpcId}; ${remedy}` });
    return [];
  });
}

async function tableOf(
  vpcId: string,
  id: string,
  index: number,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<readonly Table[]> {
  const path = ["aws", "routeTables", index];
  const remedy = `write the ID of a route table of ${vpcId}`;
  const table = await ask(faults, path, remedy, () => aws.ec2.getRouteTable({ routeTableId: id }, options));
  if (table === undefined) return [];
  if (table.vpcId === vpcId) return [{ id, arn: table.arn }];
  faults.push({ path, value: id, words: `a route table of ${table.vpcId}; ${remedy}` });
  return [];
}
