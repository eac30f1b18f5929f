/** What the values of the block `aws` have to be to each other and to the hosts, as far as no account need be asked. */
import { accessFaults, unknownHosts } from "./aws-access-rules.ts";
import { isOwn, networkFaults } from "./aws-network-rules.ts";
import { placementFaults, type AddressMode } from "./aws-placement.ts";
import { awsKeys } from "./aws.ts";
import type { Fault } from "./faults.ts";
import { network } from "../hosts/network.ts";
import { itemsOf, textAt, type Reading } from "./reading.ts";
import type { AwsSubnet } from "./types.ts";

interface Host {
  readonly name: string | undefined;
  readonly address: string | undefined;
}

/** Networks shorter than this are taken for the Internet, however it was cut. */
const shortestPrefix = 8;

/** @param brokers, balancers the configuration's, where they are lists at all */
export function awsFaults(
  reading: Reading,
  brokers: readonly Host[] = [],
  balancers: readonly Host[] = [],
): Fault[] {
  const names = [...brokers, ...balancers].flatMap(({ name }) => name ?? []);
  return [
    ...missingFaults(reading),
    ...networkFaults(reading),
    ...openFaults(reading),
    ...accessFaults(reading, names),
    ...unknownHosts(reading, ["aws", "images"], names),
    ...routeTableFaults(reading),
    ...ownPlacementFaults(reading, brokers, balancers),
  ];
}

/** A block of another platform's is one that was meant to be used. */
export function strangeAwsFaults(reading: Reading, platform: string): Fault[] {
  if (awsKeys.every((key) => reading.sound(["aws", key]) === undefined)) return [];
  const words = `of no use to platform ${platform}; write platform: aws, or remove the block`;
  return [{ path: ["aws"], value: reading.sound(["aws"]), words }];
}

function missingFaults(reading: Reading): Fault[] {
  const remedies: Readonly<Record<(typeof awsKeys)[number], string>> = {
    region: "the region, such as eu-central-1",
    vpc: "its id or tags, or the cidr of one of the stack's own",
    subnets: "the subnets that the hosts stand in",
  };
  return Object.entries(remedies).flatMap(([key, remedy]) => {
    const path = ["aws", key];
    if (reading.faulty(path) || reading.sound(path) !== undefined) return [];
    return [{ path, words: `missing; write ${remedy}` }];
  });
}

function openFaults(reading: Reading): Fault[] {
  if (reading.sound(["aws", "openToTheWorld"]) !== false) return [];
  const lists = [["clients"], ["consoles"], ["access", "from"]].map((keys) => ["aws", ...keys]);
  return lists
    .flatMap((path) => itemsOf(reading, path))
    .flatMap((path) => {
      const value = textAt(reading, path);
      if (value === undefined || (network(value)?.prefixLength ?? 32) >= shortestPrefix) return [];
      const words = "open to the world; write the networks that need it, or aws.openToTheWorld: true";
      return [{ path, value, words }];
    });
}

/** Of a VPC that is there already only the account knows the subnets: platforms/aws.ts asks it. */
function ownPlacementFaults(reading: Reading, brokers: readonly Host[], balancers: readonly Host[]): Fault[] {
  const range = textAt(reading, ["aws", "vpc", "cidr"]);
  const modePath = ["aws", "virtualAddressMode"];
  if (isOwn(reading) !== true || range === undefined || reading.faulty(modePath)) return [];
  const subnets = itemsOf(reading, ["aws", "subnets"]).map((path) => ({
    zone: textAt(reading, [...path, "zone"]),
    cidr: textAt(reading, [...path, "cidr"]),
  }));
  const whole = subnets.filter((subnet): subnet is AwsSubnet =>
    Object.values(subnet).every((value) => value !== undefined),
  );
  if (whole.length < subnets.length || whole.length === 0) return [];
  const mode = reading.sound(modePath) as AddressMode | undefined;
  const virtualAddress = textAt(reading, ["virtualAddress"]);
  return placementFaults({ ranges: [range], subnets: whole, brokers, balancers, virtualAddress, mode });
}

function routeTableFaults(reading: Reading): Fault[] {
  const path = ["aws", "routeTables"];
  const mode = textAt(reading, ["aws", "virtualAddressMode"]);
  if (isOwn(reading) !== false || mode === undefined || reading.faulty(path)) return [];
  const value = reading.sound(path);
  if (mode === "secondary-ip") {
    return value === undefined
      ? []
      : [{ path, value, words: "of no use to a secondary address; remove the key" }];
  }
  if (Array.isArray(value) && value.length > 0) return [];
  return [{ path, ...(value === undefined ? {} : { value }), words: missingRouteTables }];
}

/** Said of the key `routeTables`, too, where the account says that the address has to be a route. */
export const missingRouteTables =
  "missing; write the IDs of the route tables of the balancers' and the clients' subnets";
