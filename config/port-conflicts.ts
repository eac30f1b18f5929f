/** No two listeners on one host can have the same port. */
import { namespace, formatPath, type Fault, type Path } from "./faults.ts";
import { agentPort, distributionPort, epmdPort, sshPort } from "../hosts/other-ports.ts";
import { defaultTlsPorts, isServed, protocols } from "../hosts/protocol-ports.ts";
import type { ConfigReading } from "./reading.ts";

const stats = ["haproxy", "statsPort"];

/** The ports of a role's hosts: the configured ones, and those that other programs there use. */
interface HostPorts {
  readonly paths: readonly Path[];
  readonly taken: ReadonlyMap<number, string>;
}

/** @returns the ports of the brokers' hosts, and of the balancers' */
function portsOfRoles(plugins: readonly string[], tls: readonly string[]): readonly HostPorts[] {
  const served = protocols
    .filter((protocol) => isServed(protocol, plugins))
    .flatMap(({ name, proxy }) => [
      { path: ["rabbitmq", "ports", name], proxy },
      ...(tls.includes(name) ? [{ path: ["tls", "ports", name], proxy }] : []),
    ]);
  const pathTo = ({ path }: { readonly path: Path }): Path => path;
  return [
    {
      paths: served.map(pathTo),
      taken: new Map([
        [sshPort, "sshd"],
        [epmdPort, "epmd"],
        [agentPort, "HAProxy's agent check (haproxy.avoidAlarms)"],
        [distributionPort, "Erlang's distribution"],
      ]),
    },
    {
      paths: [...served.filter(({ proxy }) => proxy !== undefined).map(pathTo), stats],
      taken: new Map([[sshPort, "sshd"]]),
    },
  ];
}

export function portFaults(reading: ConfigReading): Fault[] {
  const plugins = reading.validValue(["rabbitmq", "plugins"]);
  const names = Array.isArray(plugins) ? plugins.map(String) : [];
  const secured = reading.validValue(["tls"]) === undefined ? [] : Object.keys(defaultTlsPorts);
  return portsOfRoles(names, secured).flatMap(({ paths, taken }) => {
    const holders = new Map(taken);
    return paths.flatMap((path): Fault[] => {
      const port =
        reading.validValue(path) ??
        (path[0] === "tls" ? defaultTlsPorts[path[2] as keyof typeof defaultTlsPorts] : undefined);
      if (typeof port !== "number") return [];
      const holder = holders.get(port);
      if (holder === undefined) {
        holders.set(port, `${namespace}:${formatPath(path)}`);
        return [];
      }
      return [
        { path, value: port, message: `already the port of ${holder} on the same host; write another` },
      ];
    });
  });
}
