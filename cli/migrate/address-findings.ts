/** What keeps the new cluster from serving the clients of the old one behind the same balancers. */
import { blocking } from "../../migration/checks.ts";
import type { Finding } from "../../migration/plan.ts";
import type { System } from "../../verify/outputs.ts";

type Side = Pick<
  System,
  "amqpUri" | "managementUrl" | "endpoints" | "caCertificate" | "virtualAddress" | "expected"
>;

function fault(what: string, remedy: string): Finding {
  return blocking(
    what,
    "OLD's clients keep its address and balancers, which lead them to NEW's brokers",
    remedy,
  );
}

/**
 * TLS alone and the PROXY protocol hinder the shovels, which fetch from OLD's brokers by plain AMQP.
 * @returns a finding for each fault
 */
export function addressFindings(old: Side, fresh: Side): Finding[] {
  if (old.amqpUri.startsWith("amqps:") || fresh.amqpUri.startsWith("amqps:"))
    return [
      fault(
        "a stack serves AMQP by TLS alone, and shovels use the plain port",
        "set tls.only to false in both stacks while the migration runs",
      ),
    ];
  if ([old, fresh].some(({ expected }) => expected?.proxyProtocol === true))
    return [
      fault(
        "brokers expect a header of the PROXY protocol, and shovels send none",
        "set haproxy.proxyProtocol to false in both stacks while the migration runs",
      ),
    ];
  const [here, there] = [portsOf(old), portsOf(fresh)];
  const faults = [...here]
    .filter(([name, port]) => there.get(name) !== port)
    .map(([name, port]) =>
      fault(
        `the balancers' port of ${name} is ${port}, and NEW's brokers have ${there.get(name) ?? "none"}`,
        "set NEW's rabbitmq.ports and plugins to OLD's",
      ),
    );
  if (old.expected?.agentCheck === true && fresh.expected?.agentCheck !== true)
    faults.push(
      fault(
        "the balancers ask the brokers' hosts for alarms, and NEW's do not answer",
        "set haproxy.avoidAlarms in NEW",
      ),
    );
  if (old.expected?.tls === undefined) return faults;
  if (!fresh.expected?.tls?.names.includes(old.virtualAddress))
    faults.push(fault(`NEW's certificates are not for ${old.virtualAddress}`, "add it to NEW's tls.names"));
  if (!(old.caCertificate ?? "").includes((fresh.caCertificate ?? "none").trim()))
    faults.push(
      fault(
        "clients trust OLD's authority, which has not issued NEW's certificates",
        "give NEW OLD's as tls.ca and tlsCaKey",
      ),
    );
  return faults;
}

function portsOf({ amqpUri, managementUrl, endpoints = {}, expected }: Side): ReadonlyMap<string, string> {
  const tls = Object.entries(expected?.tls?.ports ?? {}).map(
    ([name, port]) => [`${name} by TLS`, String(port)] as const,
  );
  return new Map([
    ["amqp", new URL(amqpUri).port],
    ["management", new URL(managementUrl).port],
    ...Object.entries(endpoints).map(([name, endpoint]) => [name, endpoint.replace(/^.*:/, "")] as const),
    ...tls,
  ]);
}
