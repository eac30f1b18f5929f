/** No two listeners on one host can have the same port. */
import { namespace, formatPath, type Fault, type Path } from "./faults.ts";
import { agentPort, distributionPort, epmdPort, sshPort } from "../hosts/ports.ts";
import type { ConfigReading } from "./reading.ts";

const amqp = ["rabbitmq", "ports", "amqp"];
const management = ["rabbitmq", "ports", "management"];
const prometheus = ["rabbitmq", "ports", "prometheus"];
const stats = ["haproxy", "statsPort"];

/** Per role, the configured ports on its hosts, and the ports that other programs there use. */
const listeners: readonly { readonly paths: readonly Path[]; readonly taken: ReadonlyMap<number, string> }[] =
  [
    {
      paths: [amqp, management, prometheus],
      taken: new Map([
        [sshPort, "sshd"],
        [epmdPort, "epmd"],
        [agentPort, "HAProxy's agent check (haproxy.avoidAlarms)"],
        [distributionPort, "Erlang's distribution"],
      ]),
    },
    { paths: [amqp, management, stats], taken: new Map([[sshPort, "sshd"]]) },
  ];

export function portFaults(reading: ConfigReading): Fault[] {
  return listeners.flatMap(({ paths, taken }) => {
    const holders = new Map(taken);
    return paths.flatMap((path): Fault[] => {
      const port = reading.validValue(path);
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
