/** Rules on the block `aws` as a whole and on the hosts, as far as they can be checked without the account. */
import { accessFaults, unknownHostFaults } from "./aws-access-rules.ts";
import { isOwnVpc, networkFaults } from "./aws-network-rules.ts";
import { placementFaults, type AddressMode } from "./aws-placement.ts";
import { awsKeys } from "./aws.ts";
import type { Fault } from "./faults.ts";
import { parseNetwork } from "../hosts/network.ts";
import { itemsOf, textAt, type ConfigReading } from "./reading.ts";
import type { AwsSubnet } from "./types.ts";

interface UncheckedHost {
  readonly name: string | undefined;
  readonly address: string | undefined;
}

/** A network with a shorter prefix counts as open to the world, also if the Internet was split into several. */
const shortestPrefix = 8;

/** @param brokers, balancers the configured ones; empty if they are not even lists */
export function awsFaults(
  reading: ConfigReading,
  brokers: readonly UncheckedHost[] = [],
  balancers: readonly UncheckedHost[] = [],
): Fault[] {
  const names = [...brokers, ...balancers].flatMap(({ name }) => name ?? []);
  return [
    ...missingKeyFaults(reading),
    ...networkFaults(reading),
    ...openToTheWorldFaults(reading),
    ...accessFaults(reading, names),
    ...unknownHostFaults(reading, ["aws", "images"], names),
    ...unknownHostFaults(reading, ["aws", "hostTypes"], names),
    ...routeTableFaults(reading),
    ...ownPlacementFaults(reading, brokers, balancers),
  ];
}

/** A block of another platform that is filled in: probably `platform` is wrong. */
export function unusedAwsFaults(reading: ConfigReading, platform: string): Fault[] {
  if (awsKeys.every((key) => reading.validValue(["aws", key]) === undefined)) return [];
  const message = `not used on platform ${platform}; write platform: aws, or remove the block`;
  return [{ path: ["aws"], value: reading.validValue(["aws"]), message }];
}

function missingKeyFaults(reading: ConfigReading): Fault[] {
  const remedies: Readonly<Record<(typeof awsKeys)[number], string>> = {
    region: "the region, such as eu-central-1",
    vpc: "its id or tags, or a cidr for the stack's own VPC",
    subnets: "the subnets that the hosts are in",
  };
  return Object.entries(remedies).flatMap(([key, remedy]): Fault[] => {
    const path = ["aws", key];
    if (reading.hasFault(path) || reading.validValue(path) !== undefined) return [];
    return [{ path, message: `missing; write ${remedy}` }];
  });
}

function openToTheWorldFaults(reading: ConfigReading): Fault[] {
  if (reading.validValue(["aws", "openToTheWorld"]) !== false) return [];
  const lists = [["clients"], ["consoles"], ["access", "from"]].map((keys) => ["aws", ...keys]);
  return [...lists, ["metricsFrom"]]
    .flatMap((path) => itemsOf(reading, path))
    .flatMap((path): Fault[] => {
      const value = textAt(reading, path);
      if (value === undefined || (parseNetwork(value)?.prefixLength ?? 32) >= shortestPrefix) return [];
      const message = "open to the world; write the networks that need it, or aws.openToTheWorld: true";
      return [{ path, value, message }];
    });
}

/** The subnets of an existing VPC are only known to the account: platforms/aws checks their placement. */
function ownPlacementFaults(
  reading: ConfigReading,
  brokers: readonly UncheckedHost[],
  balancers: readonly UncheckedHost[],
): Fault[] {
  const range = textAt(reading, ["aws", "vpc", "cidr"]);
  const modePath = ["aws", "virtualAddressMode"];
  if (isOwnVpc(reading) !== true || range === undefined || reading.hasFault(modePath)) return [];
  const subnets = itemsOf(reading, ["aws", "subnets"]).map((path) => ({
    zone: textAt(reading, [...path, "zone"]),
    cidr: textAt(reading, [...path, "cidr"]),
  }));
  const complete = subnets.filter((subnet): subnet is AwsSubnet =>
    Object.values(subnet).every((value) => value !== undefined),
  );
  if (complete.length < subnets.length || complete.length === 0) return [];
  const mode = reading.validValue(modePath) as AddressMode | undefined;
  const virtualAddress = textAt(reading, ["virtualAddress"]);
  return placementFaults({ ranges: [range], subnets: complete, brokers, balancers, virtualAddress, mode });
}

function routeTableFaults(reading: ConfigReading): Fault[] {
  const path = ["aws", "routeTables"];
  const mode = textAt(reading, ["aws", "virtualAddressMode"]);
  if (isOwnVpc(reading) !== false || mode === undefined || reading.hasFault(path)) return [];
  const value = reading.validValue(path);
  if (mode === "secondary-ip") {
    return value === undefined
      ? []
      : [{ path, value, message: "not used with virtualAddressMode: secondary-ip; remove the key" }];
  }
  if (Array.isArray(value) && value.length > 0) return [];
  return [{ path, ...(value === undefined ? {} : { value }), message: missingRouteTablesMessage }];
}

/** platforms/aws reports this too, if the subnets in the account require the mode `route`. */
export const missingRouteTablesMessage =
  "missing; write the IDs of the route tables of the balancers' and the clients' subnets";
