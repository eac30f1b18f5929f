/** Rules on the keys of `aws.access`, which say how the machines are reached by SSH. */
import { isOwnVpc } from "./aws-network-rules.ts";
import { joinNames, type Fault, type Path } from "./faults.ts";
import { keysOf, textAt, type ConfigReading } from "./reading.ts";

/** The lowest port that users other than root can listen at; SSM's sessions do. */
const firstUnprivilegedPort = 1024;

/** @param names the names of all hosts */
export function accessFaults(reading: ConfigReading, names: readonly string[]): Fault[] {
  const at = (key: string): Path => ["aws", "access", key];
  const way = textAt(reading, at("way"));
  if (way === undefined) return [];
  const fault = (key: string, message: string): Fault => {
    const value = reading.validValue(at(key));
    return { path: at(key), ...(value === undefined ? {} : { value }), message };
  };
  const from = reading.validValue(at("from"));
  const bastion = reading.hasFault(at("bastion")) ? undefined : reading.validValue(at("bastion"));
  const faults: Fault[] = [];
  if (way !== "ssm" && Array.isArray(from) && from.length === 0) {
    faults.push(fault("from", "empty, so nobody may log in; write the networks that SSH comes from"));
  }
  if (
    way === "bastion" &&
    bastion === undefined &&
    isOwnVpc(reading) === false &&
    !reading.hasFault(at("bastion"))
  ) {
    faults.push(
      fault("bastion", "missing; write the host through which the VPC is reached, or another access.way"),
    );
  }
  if (way !== "bastion" && bastion !== undefined) {
    faults.push(
      fault("bastion", `not used with access.way: ${way}; remove it, or write access.way: bastion`),
    );
  }
  if (way === "ssm") faults.push(...sessionFaults(reading, names));
  return [...faults, ...publicSubnetFaults(reading, way)];
}

/** In the stack's own VPC, machines download packages through a NAT gateway, or by public addresses of their own. */
function publicSubnetFaults(reading: ConfigReading, way: string): Fault[] {
  const path = ["aws", "publicSubnet"];
  if (isOwnVpc(reading) !== true || reading.hasFault(path)) return [];
  const found = reading.validValue(path);
  if (way === "public" && found !== undefined) {
    const message = "not used with access.way: public; remove the key";
    return [{ path, value: found, message }];
  }
  if (way === "public" || found !== undefined) return [];
  const message =
    "missing; write the zone and cidr of a subnet for the NAT gateway, through which packages are downloaded";
  return [{ path, message }];
}

/** A session of SSM ends at a port on this computer, so each host needs one, and no two hosts the same. */
function sessionFaults(reading: ConfigReading, names: readonly string[]): Fault[] {
  const path = ["aws", "access", "ports"];
  const image = ["aws", "image"];
  const hosts = keysOf(reading, path);
  const ports = hosts.map((name) => ({ path: [...path, name], port: reading.validValue([...path, name]) }));
  const hostsWithoutPort = reading.hasFault(path) ? [] : names.filter((name) => !hosts.includes(name));
  const portFault: Fault = {
    path,
    value: reading.validValue(path),
    message: `has no port for ${joinNames(hostsWithoutPort)}; write the port of this computer that a session forwards to it`,
  };
  const imageFault: Fault = {
    path: image,
    message: "missing, and the systems' own images have no SSM agent; write the ID of an image that has one",
  };
  return [
    ...(hostsWithoutPort.length === 0 ? [] : [portFault]),
    ...ports.flatMap(({ path: own, port }, index): Fault[] => {
      if (typeof port !== "number") return [];
      if (port < firstUnprivilegedPort)
        return [{ path: own, value: port, message: "reserved for root; write a port from 1024 to 65535" }];
      if (!ports.slice(0, index).some((other) => other.port === port)) return [];
      return [{ path: own, value: port, message: "already the port of another host; write a different one" }];
    }),
    ...unknownHostFaults(reading, path, names),
    ...(reading.validValue(image) === undefined && !reading.hasFault(image) ? [imageFault] : []),
  ];
}

/** @returns a fault for each key of a mapping that is no host's name */
export function unknownHostFaults(reading: ConfigReading, path: Path, names: readonly string[]): Fault[] {
  if (names.length === 0) return [];
  return keysOf(reading, path)
    .filter((key) => !names.includes(key) && !reading.hasFault([...path, key]))
    .map((key): Fault => ({
      path: [...path, key],
      message: `not the name of a host; write one of ${joinNames(names, "or")}`,
    }));
}
