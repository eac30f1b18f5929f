/** Reads from the AWS account what the configuration names, and checks whether the machines fit there. */
import * as pulumi from "@pulumi/pulumi";
import {
  chooseAddressMode,
  placementFaults,
  type AddressMode,
  type Placement,
} from "../../config/aws-placement.ts";
import { missingRouteTablesMessage } from "../../config/aws-rules.ts";
import { formatFaults, type Fault, type Path } from "../../config/faults.ts";
import { refusalError } from "../../config/refusal-error.ts";
import type { AwsNetwork, AwsPlatform, AwsSelector, AwsSubnet, HostEntry } from "../../config/types.ts";
import type { HostRole, OperatingSystem } from "../../hosts/host.ts";
import { getImage } from "./images.ts";
import { aws } from "./sdk.ts";

/** A machine as it is configured. */
export interface MachineEntry extends HostEntry {
  readonly role: HostRole;
}

export interface SurveyArgs {
  readonly machines: readonly MachineEntry[];
  readonly os: OperatingSystem;
  readonly platform: AwsPlatform;
  readonly virtualAddress: string;
}

interface GivenRouteTable {
  readonly id: string;
  readonly arn: string;
}

/** A VPC that existed before the stack. */
export interface GivenVpc {
  readonly id: string;
  readonly subnets: readonly (AwsSubnet & { readonly id: string })[];
  readonly routeTables: readonly GivenRouteTable[];
}

export interface AccountSurvey {
  /** The VPC's ranges, in CIDR notation. */
  readonly ranges: readonly string[];
  readonly mode: AddressMode;
  /** Absent if the stack makes its own. */
  readonly vpc?: GivenVpc;
  /** The ID of the configured image, or else of the system's newest one. */
  readonly imageId: string;
}

type GivenNetwork = Extract<AwsNetwork, { readonly kind: "given" }>;

/** Sends one query to the account; an error becomes a fault. */
async function query<Answer>(
  faults: Fault[],
  path: Path,
  remedy: string,
  send: () => Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await send();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    faults.push({ path, message: `AWS answers: ${causeOf(text)}; ${remedy}` });
    return undefined;
  }
}

/** @returns the provider's message in an error of the engine: its bullet points, or else its last line */
function causeOf(text: string): string {
  const points = [...text.matchAll(/^\s*\* (.+)$/gm)].map(([, point = ""]) => point.trim());
  const last = text.split("\n").findLast((line) => line.trim() !== "") ?? text;
  return points.length > 0 ? points.join("; ") : last.trim();
}

/** @throws pulumi.RunError with all faults, before any machine is made */
export async function surveyAccount(args: SurveyArgs, options: pulumi.InvokeOptions): Promise<AccountSurvey> {
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
  const mode = chooseAddressMode(placement);
  // A network of the stack's own has been checked with the configuration.
  if (vpc !== undefined && faults.length === 0) {
    faults.push(...placementFaults(placement), ...routeTableFaults(vpc, mode));
  }
  if (faults.length > 0 || image === undefined) {
    const keys = ["os", "brokers", "balancers", "virtualAddress", "aws"];
    throw refusalError(formatFaults(faults, keys, pulumi.getStack()));
  }
  return { ranges, mode, imageId: image, ...(vpc === undefined ? {} : { vpc }) };
}

function placementOf(
  { machines, platform, virtualAddress }: SurveyArgs,
  ranges: readonly string[],
  subnets: readonly AwsSubnet[],
): Placement {
  const hostsOf = (wanted: HostRole): SurveyArgs["machines"] =>
    machines.filter(({ role }) => role === wanted);
  const { virtualAddressMode: mode } = platform;
  return {
    ranges,
    subnets,
    brokers: hostsOf("broker"),
    balancers: hostsOf("balancer"),
    virtualAddress,
    mode,
  };
}

function routeTableFaults({ routeTables }: GivenVpc, mode: AddressMode): Fault[] {
  const path = ["aws", "routeTables"];
  return mode === "route" && routeTables.length === 0 ? [{ path, message: missingRouteTablesMessage }] : [];
}

async function newestImage(
  os: OperatingSystem,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<string | undefined> {
  const { owner, namePatterns, isDeprecated } = getImage(os);
  const found = await query(faults, ["os"], "set aws.image to the ID of an image of this system", () =>
    aws.ec2.getAmi(
      {
        owners: [owner],
        mostRecent: true,
        includeDeprecated: isDeprecated,
        filters: [
          { name: "name", values: [...namePatterns] },
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
  network: GivenNetwork,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<(GivenVpc & { readonly ranges: readonly string[] }) | undefined> {
  const path = ["aws", "vpc"];
  const vpc = await query(faults, path, "write the id or the tags of an existing VPC", () =>
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
      ? await query(faults, path, remedy, async () => {
          const filters = [{ name: "vpc-id", values: [vpcId] }];
          return (await aws.ec2.getSubnets({ filters, tags: { ...tags } }, options)).ids;
        })
      : [id];
  if (ids?.length === 0)
    faults.push({ path, value: tags, message: `no subnet of ${vpcId} has these tags; ${remedy}` });
  const found = await Promise.all(
    (ids ?? []).map((each) => query(faults, path, remedy, () => aws.ec2.getSubnet({ id: each }, options))),
  );
  return found.flatMap((subnet) => {
    if (subnet === undefined) return [];
    if (subnet.vpcId === vpcId)
      return [{ id: subnet.id, zone: subnet.availabilityZone, cidr: subnet.cidrBlock }];
    faults.push({ path, value: id, message: `is a subnet of ${subnet.vpcId}; ${remedy}` });
    return [];
  });
}

async function tableOf(
  vpcId: string,
  id: string,
  index: number,
  faults: Fault[],
  options: pulumi.InvokeOptions,
): Promise<readonly GivenRouteTable[]> {
  const path = ["aws", "routeTables", index];
  const remedy = `write the ID of a route table of ${vpcId}`;
  const table = await query(faults, path, remedy, () => aws.ec2.getRouteTable({ routeTableId: id }, options));
  if (table === undefined) return [];
  if (table.vpcId === vpcId) return [{ id, arn: table.arn }];
  faults.push({ path, value: id, message: `is a route table of ${table.vpcId}; ${remedy}` });
  return [];
}
