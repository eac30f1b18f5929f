/** Which VPC it is, and which subnets: what is wrong with how that is said. */
import type { Fault, Path } from "./faults.ts";
import { network } from "../hosts/network.ts";
import { itemsOf, keysOf, textAt, type Reading } from "./reading.ts";

/** Whether the VPC is one of the stack's own; undefined where it is not said, or in more than one way. */
export function isOwn(reading: Reading): boolean | undefined {
  const said = vpcKeys(reading);
  return said.length === 1 ? said[0] === "cidr" : undefined;
}

function vpcKeys(reading: Reading): string[] {
  return keysOf(reading, ["aws", "vpc"]).filter((key) => ["id", "tags", "cidr"].includes(key));
}

export function networkFaults(reading: Reading): Fault[] {
  return [...vpcFaults(reading), ...subnetFaults(reading)];
}

function vpcFaults(reading: Reading): Fault[] {
  const path = ["aws", "vpc"];
  const value = reading.sound(path);
  if (value === undefined) return [];
  const said = vpcKeys(reading);
  if (said.length !== 1) {
    const says = said.length === 0 ? "does not say" : "says in more than one way";
    return [{ path, value, words: `${says} which VPC it is; write one of id, tags and cidr` }];
  }
  const strange = (key: string, words: string): Fault[] => {
    const found = reading.sound(["aws", key]);
    return found === undefined ? [] : [{ path: ["aws", key], value: found, words }];
  };
  return isOwn(reading) === true
    ? strange("routeTables", "the stack's own VPC has route tables of its own; remove the key")
    : strange("publicSubnet", "of no use in a VPC that is there already; remove the key");
}

function subnetFaults(reading: Reading): Fault[] {
  const path = ["aws", "subnets"];
  const own = isOwn(reading);
  const value = reading.sound(path);
  if (own === undefined || value === undefined) return [];
  const items = itemsOf(reading, path);
  if (items.length === 0) {
    return [{ path, value, words: "none; write the subnets that the hosts stand in" }];
  }
  const shapes = items.flatMap((item) => shapeFaults(reading, item, own));
  return own ? [...shapes, ...ownSubnetFaults(reading)] : shapes;
}

function shapeFaults(reading: Reading, path: Path, own: boolean): Fault[] {
  if (reading.faulty(path)) return [];
  const said = keysOf(reading, path).sort().join();
  if (own ? said === "cidr,zone" : ["id", "tags"].includes(said)) return [];
  const words = own
    ? "not one of the stack's own VPC; write its zone and its cidr, and nothing else"
    : "not one of a VPC that is there already; write its id or its tags, and nothing else";
  return [{ path, value: reading.sound(path), words }];
}

interface OwnSubnet {
  readonly path: Path;
  readonly zone: string | undefined;
  readonly cidr: string | undefined;
}

/** @returns the subnets of a VPC of the stack's own, the public one last */
function ownSubnets(reading: Reading): OwnSubnet[] {
  const open = ["aws", "publicSubnet"];
  const paths = [
    ...itemsOf(reading, ["aws", "subnets"]),
    ...(reading.sound(open) === undefined ? [] : [open]),
  ];
  return paths.map((path) => ({
    path,
    zone: textAt(reading, [...path, "zone"]),
    cidr: textAt(reading, [...path, "cidr"]),
  }));
}

function ownSubnetFaults(reading: Reading): Fault[] {
  const region = textAt(reading, ["aws", "region"]);
  const range = textAt(reading, ["aws", "vpc", "cidr"]);
  return ownSubnets(reading).flatMap(({ path, zone, cidr }, index, all): Fault[] => {
    const fault = (key: string, value: string, words: string): Fault => ({
      path: [...path, key],
      value,
      words,
    });
    const earlier = all.slice(0, index).find((other) => overlap(other.cidr, cidr))?.cidr;
    return [
      ...(zone === undefined || region === undefined || zone.slice(0, -1) === region
        ? []
        : [fault("zone", zone, `no zone of ${region}; write one such as ${region}a`)]),
      ...(cidr === undefined || earlier === undefined
        ? []
        : [fault("cidr", cidr, `overlaps with ${earlier}; write a range of its own`)]),
      ...(cidr === undefined || range === undefined || within(cidr, range)
        ? []
        : [fault("cidr", cidr, `outside the VPC; write a part of ${range}`)]),
    ];
  });
}

function within(cidr: string, range: string): boolean {
  const [inner, outer] = [network(cidr), network(range)];
  if (inner === undefined || outer === undefined) return true;
  return outer.contains(inner.first) && outer.contains(inner.last);
}

function overlap(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  const [a, b] = [network(one), network(other)];
  if (a === undefined || b === undefined) return false;
  return a.contains(b.first) || b.contains(a.first);
}
