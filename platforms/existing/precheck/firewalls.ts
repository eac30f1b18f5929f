/** The machines' own firewalls, and those between them, as far as they keep the stack's machines apart. */
import { joinNames } from "../../../config/faults.ts";
import { distributionPort, epmdPort } from "../../../hosts/other-ports.ts";
import { frontendsOf } from "../../../hosts/protocol-ports.ts";
import { splitAtSpace } from "./probe-line.ts";
import { machineLabel, type IntendedSetup, type ProbeTarget } from "./probe-target.ts";

export interface FirewallFacts {
  /**
   * What refuses packets on the machine: `managed` if `up` opens the ports in it; else the rule. Undefined if unknown.
   */
  readonly own: "none" | "managed" | { readonly refusal: string } | undefined;
  /** The ports of other machines that the machine cannot reach, and whether nothing comes back at all. */
  readonly blocked: readonly {
    readonly address: string;
    readonly port: number;
    readonly isDropped: boolean;
  }[];
}

/** A machine with what its probe found. */
export interface FirewalledHost {
  readonly machine: Pick<ProbeTarget, "name" | "address" | "role">;
  readonly facts: { readonly firewall: FirewallFacts };
}

/** @param all the values of a key, as the probe has printed them */
export function parseFirewall(all: (key: string) => readonly string[]): FirewallFacts {
  const [said] = all("firewall").map(splitAtSpace);
  return {
    own: said === undefined ? undefined : ownFirewall(...said),
    blocked: all("blocked").map((text) => {
      const [address = "", port, how] = text.split(" ");
      return { address, port: Number(port), isDropped: how === "dropped" };
    }),
  };
}

function ownFirewall(name: string, refusal: string): FirewallFacts["own"] {
  if (name === "unmanaged") return { refusal };
  return name === "none" ? "none" : "managed";
}

/** @returns the ports of other machines that a machine will use, without those of the command-line tools */
export function destinationsOf(
  { address, role }: Pick<ProbeTarget, "address" | "role">,
  { machines, ...served }: Pick<IntendedSetup, "machines" | "ports" | "plugins">,
): { readonly address: string; readonly port: number }[] {
  const source = `${role}s` as const;
  const used = [
    ...(role === "broker" ? [epmdPort, distributionPort] : []),
    ...frontendsOf(served).flatMap(({ port, from }) => (from.includes(source) ? [port] : [])),
  ];
  return machines
    .filter((each) => each.role === "broker" && each.address !== address)
    .flatMap((each) => used.map((port) => ({ address: each.address, port })));
}

/**
 * @returns a line for each machine and the ports that others cannot reach there. A firewall in which `up` has yet to
 * open the ports is no fault.
 */
export function blockedFaults(probed: readonly FirewalledHost[]): string[] {
  return probed.flatMap(({ machine, facts: { firewall } }) => {
    if (firewall.own === "managed") return [];
    const byPorts = new Map<string, string[]>();
    for (const from of probed) {
      const found = from.facts.firewall.blocked.filter(({ address }) => address === machine.address);
      if (found.length === 0) continue;
      const ports = found.map(({ port }) => port).sort((a, b) => a - b);
      const what =
        `cannot connect to its ${ports.length === 1 ? "port" : "ports"} ${joinNames(ports.map(String))}: ` +
        blockedCause(
          firewall,
          found.some(({ isDropped }) => isDropped),
        );
      byPorts.set(what, [...(byPorts.get(what) ?? []), machineLabel(from.machine)]);
    }
    return [...byPorts].map(([what, from]) => `${machineLabel(machine)}: ${joinNames(from)} ${what}`);
  });
}

function blockedCause({ own }: FirewallFacts, isDropped: boolean): string {
  if (typeof own === "object") {
    return (
      `its own firewall refuses them (${own.refusal}), and rabbitmq-ha does not manage it, since no service loads it at boot; ` +
      "let them in there, for good"
    );
  }
  const how = isDropped
    ? "a firewall on the way drops them"
    : "a firewall on the way rejects them, or there is no route";
  return `${how}; let them in there, such as in the machines' security groups`;
}

/** @returns what nobody has closed, and what the program cannot open, a line each */
export function firewallWarnings(
  probed: readonly FirewalledHost[],
  { ports }: Pick<IntendedSetup, "ports">,
): string[] {
  const open = probed.filter(
    ({ machine, facts }) => machine.role === "broker" && facts.firewall.own === "none",
  );
  const openWarning =
    `${joinNames(open.map(({ machine }) => machineLabel(machine)))}: no firewall: ${epmdPort} and ${distributionPort} (the brokers' own traffic) and ${ports.management} ` +
    "(the console) listen on every address. See that a firewall or a security group lets in only the stack's machines, " +
    "and to the console its users.";
  const unmanaged = probed.flatMap((each) => {
    const { own } = each.facts.firewall;
    if (typeof own !== "object") return [];
    return [
      `${machineLabel(each.machine)}: its own firewall refuses what it does not name (${own.refusal}), and rabbitmq-ha does not manage it, since no ` +
        "service loads it at boot. See that it lets in what docs/systems.md lists.",
    ];
  });
  return [...(open.length === 0 ? [] : [openWarning]), ...unmanaged];
}
