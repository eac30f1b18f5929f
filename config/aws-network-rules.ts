/** Rules on the keys of `aws` that name the VPC and its subnets. */
import type { Fault, Path } from "./faults.ts";
import { parseNetwork } from "../hosts/network.ts";
import { itemsOf, keysOf, textAt, type ConfigReading } from "./reading.ts";

/** Whether the stack creates the VPC (`cidr`); undefined if no key or more than one says which VPC it is. */
export function isOwnVpc(reading: ConfigReading): boolean | undefined {
  const given = vpcKeys(reading);
  return given.length === 1 ? given[0] === "cidr" : undefined;
}

function vpcKeys(reading: ConfigReading): string[] {
  return keysOf(reading, ["aws", "vpc"]).filter((key) => ["id", "tags", "cidr"].includes(key));
}

export function networkFaults(reading: ConfigReading): Fault[] {
  return [...vpcFaults(reading), ...subnetFaults(reading)];
}

function vpcFaults(reading: ConfigReading): Fault[] {
  const path = ["aws", "vpc"];
  const value = reading.validValue(path);
  if (value === undefined) return [];
  const given = vpcKeys(reading);
  if (given.length !== 1) {
    const problem = given.length === 0 ? "has none" : "has more than one";
    return [{ path, value, message: `${problem} of the keys id, tags and cidr; write one of them` }];
  }
  const unusedKeyFault = (key: string, message: string): Fault[] => {
    const found = reading.validValue(["aws", key]);
    return found === undefined ? [] : [{ path: ["aws", key], value: found, message }];
  };
  return isOwnVpc(reading) === true
    ? unusedKeyFault(
        "routeTables",
        "not used, since the stack's own VPC has its own route tables; remove the key",
      )
    : unusedKeyFault("publicSubnet", "not used in an existing VPC; remove the key");
}

function subnetFaults(reading: ConfigReading): Fault[] {
  const path = ["aws", "subnets"];
  const own = isOwnVpc(reading);
  const value = reading.validValue(path);
  if (own === undefined || value === undefined) return [];
  const items = itemsOf(reading, path);
  if (items.length === 0) {
    return [{ path, value, message: "empty; write the subnets that the hosts are in" }];
  }
  const shapes = items.flatMap((item) => shapeFaults(reading, item, own));
  return own ? [...shapes, ...ownSubnetFaults(reading)] : shapes;
}

function shapeFaults(reading: ConfigReading, path: Path, own: boolean): Fault[] {
  if (reading.hasFault(path)) return [];
  const given = keysOf(reading, path).sort().join();
  if (own ? given === "cidr,zone" : ["id", "tags"].includes(given)) return [];
  const message = own
    ? "not a subnet of the stack's own VPC; write its zone and its cidr, and nothing else"
    : "not a subnet of an existing VPC; write its id or its tags, and nothing else";
  return [{ path, value: reading.validValue(path), message }];
}

interface OwnSubnet {
  readonly path: Path;
  readonly zone: string | undefined;
  readonly cidr: string | undefined;
}

/** @returns the subnets of the stack's own VPC, the public one last */
function ownSubnets(reading: ConfigReading): OwnSubnet[] {
  const publicPath = ["aws", "publicSubnet"];
  const paths = [
    ...itemsOf(reading, ["aws", "subnets"]),
    ...(reading.validValue(publicPath) === undefined ? [] : [publicPath]),
  ];
  return paths.map((path) => ({
    path,
    zone: textAt(reading, [...path, "zone"]),
    cidr: textAt(reading, [...path, "cidr"]),
  }));
}

function ownSubnetFaults(reading: ConfigReading): Fault[] {
  const region = textAt(reading, ["aws", "region"]);
  const range = textAt(reading, ["aws", "vpc", "cidr"]);
  return ownSubnets(reading).flatMap(({ path, zone, cidr }, index, all): Fault[] => {
    const fault = (key: string, value: string, message: string): Fault => ({
      path: [...path, key],
      value,
      message,
    });
    const earlier = all.slice(0, index).find((other) => overlap(other.cidr, cidr))?.cidr;
    return [
      ...(zone === undefined || region === undefined || zone.slice(0, -1) === region
        ? []
        : [fault("zone", zone, `not a zone of ${region}; write one such as ${region}a`)]),
      ...(cidr === undefined || earlier === undefined
        ? []
        : [fault("cidr", cidr, `overlaps with ${earlier}; write a range that overlaps with no other`)]),
      ...(cidr === undefined || range === undefined || within(cidr, range)
        ? []
        : [fault("cidr", cidr, `outside the VPC; write a range within ${range}`)]),
    ];
  });
}

function within(cidr: string, range: string): boolean {
  const [inner, outer] = [parseNetwork(cidr), parseNetwork(range)];
  if (inner === undefined || outer === undefined) return true;
  return outer.contains(inner.first) && outer.contains(inner.last);
}

function overlap(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  const [a, b] = [parseNetwork(one), parseNetwork(other)];
  if (a === undefined || b === undefined) return false;
  return a.contains(b.first) || b.contains(a.first);
}
