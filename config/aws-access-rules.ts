/** How the machines are reached: what is wrong between the values that say it. */
import { isOwn } from "./aws-network-rules.ts";
import { listed, type Fault, type Path } from "./faults.ts";
import { keysOf, textAt, type Reading } from "./reading.ts";

/** The ports of SSM's sessions are no root's, and no two hosts have the same. */
const firstPort = 1024;

/** @param names those of all hosts */
export function accessFaults(reading: Reading, names: readonly string[]): Fault[] {
  const at = (key: string): Path => ["aws", "access", key];
  const way = textAt(reading, at("way"));
  if (way === undefined) return [];
  const fault = (key: string, words: string): Fault => {
    const value = reading.sound(at(key));
    return { path: at(key), ...(value === undefined ? {} : { value }), words };
  };
  const from = reading.sound(at("from"));
  const bastion = reading.faulty(at("bastion")) ? undefined : reading.sound(at("bastion"));
  const faults: Fault[] = [];
  if (way !== "ssm" && Array.isArray(from) && from.length === 0) {
    faults.push(fault("from", "nobody may log in; write the networks that SSH comes from"));
  }
  if (
    way === "bastion" &&
    bastion === undefined &&
    isOwn(reading) === false &&
    !reading.faulty(at("bastion"))
  ) {
    faults.push(fault("bastion", "missing; write the host that leads into the VPC, or another access.way"));
  }
  if (way !== "bastion" && bastion !== undefined) {
    faults.push(fault("bastion", `of no use to the way ${way}; remove it, or write access.way: bastion`));
  }
  if (way === "ssm") faults.push(...sessionFaults(reading, names));
  return [...faults, ...publicSubnetFaults(reading, way)];
}

/** The machines of the stack's own VPC reach their packages through a NAT gateway, or by addresses of their own. */
function publicSubnetFaults(reading: Reading, way: string): Fault[] {
  const path = ["aws", "publicSubnet"];
  if (isOwn(reading) !== true || reading.faulty(path)) return [];
  const found = reading.sound(path);
  if (way === "public" && found !== undefined) {
    const words = "of no use to machines with public addresses of their own; remove the key";
    return [{ path, value: found, words }];
  }
  if (way === "public" || found !== undefined) return [];
  const words =
    "missing; write the zone and cidr of a subnet for the NAT gateway, through which packages are fetched";
  return [{ path, words }];
}

/** A session of SSM's ends at a port on this computer, so each host has to have one. */
function sessionFaults(reading: Reading, names: readonly string[]): Fault[] {
  const path = ["aws", "access", "ports"];
  const image = ["aws", "image"];
  const hosts = keysOf(reading, path);
  const ports = hosts.map((name) => ({ path: [...path, name], port: reading.sound([...path, name]) }));
  const lacking = reading.faulty(path) ? [] : names.filter((name) => !hosts.includes(name));
  const words = `has no port for ${listed(lacking)}; write the one that a session forwards`;
  return [
    ...(lacking.length === 0 ? [] : [{ path, value: reading.sound(path), words }]),
    ...ports.flatMap(({ path: own, port }, index): Fault[] => {
      if (typeof port !== "number") return [];
      if (port < firstPort)
        return [{ path: own, value: port, words: "root's alone; write a port from 1024 to 65535" }];
      if (!ports.slice(0, index).some((other) => other.port === port)) return [];
      return [{ path: own, value: port, words: "the port of another host; write one of its own" }];
    }),
    ...unknownHosts(reading, path, names),
    ...(reading.sound(image) === undefined && !reading.faulty(image)
      ? [
          {
            path: image,
            words: "missing, and the systems' own images have no SSM agent; write the ID of one that has",
          },
        ]
      : []),
  ];
}

/** Values by a host's name, of hosts that there are not. */
export function unknownHosts(reading: Reading, path: Path, names: readonly string[]): Fault[] {
  if (names.length === 0) return [];
  return keysOf(reading, path)
    .filter((key) => !names.includes(key) && !reading.faulty([...path, key]))
    .map((key) => ({ path: [...path, key], words: `no host's name; write one of ${listed(names, "or")}` }));
}
