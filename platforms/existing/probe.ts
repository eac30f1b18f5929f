/** One look at one machine: what was seen there, or why nothing could be seen. */
import type { OperatingSystem } from "../../hosts/host.ts";
import { distributionPort, epmdPort } from "../../hosts/ports.ts";
import { systems } from "../../hosts/systems.ts";
import { runOn, SshError, type Login } from "../../remote/ssh.ts";
import { render } from "../../templates/render.ts";

export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly role: "broker" | "balancer";
  readonly login: Login;
}

/** What the machines are to become. */
export interface Plan {
  readonly os: OperatingSystem;
  readonly machines: readonly Machine[];
  readonly virtualAddress: string;
  readonly virtualRouterId: number;
  /** The network interface for the virtual address. @default the one that carries the machine's own address */
  readonly interface?: string;
  readonly ports: { readonly amqp: number; readonly management: number; readonly prometheus: number };
  readonly statsPort: number;
}

/** An address that a machine has, with the prefix length of its network. */
export interface Inet {
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
}

/** Somebody who listens on a TCP port. */
export interface Listener {
  readonly port: number;
  /** As `ss` writes it. */
  readonly address: string;
  /** The names of the processes; none where `ss` sees none. */
  readonly processes: readonly string[];
}

/** What was seen on a machine; what could not be found out there is absent or NaN. */
export interface Sight {
  /** Seconds by which the machine's clock is ahead of this one's monotonic clock: only differences say anything. */
  readonly clock: number;
  /** ID-VERSION_ID of its /etc/os-release, and whether that is the stated system. */
  readonly system: string;
  readonly fits: boolean;
  /** The version of the systemd that runs there. */
  readonly systemd: number | undefined;
  readonly machineId: string;
  readonly inets: readonly Inet[];
  /** Whether a time service keeps its clock. */
  readonly synchronized: boolean;
  /** Whole, in KiB. */
  readonly memory: number;
  /** Free below /var, in KiB. */
  readonly disk: number;
  /** On the ports that the program is to use. */
  readonly listeners: readonly Listener[];
  /** The Erlang nodes whose data is there. */
  readonly data: readonly string[];
  /** What the names of the stack's machines resolve to there; those that the program wrote there are left out. */
  readonly names: readonly { readonly name: string; readonly address: string }[];
  readonly macs: readonly string[];
  /** On a balancer the interface for the virtual address; absent where there is none. */
  readonly device: string | undefined;
  /** The MAC that answers for the virtual address. */
  readonly neighbour: string | undefined;
  /** Who was heard to advertise the virtual router id, and whether anybody could listen. */
  readonly routers: readonly string[];
  readonly listened: boolean;
}

/** The words of sudo, where it lets the user not become root. */
export interface Denied {
  readonly sudo: string;
}

export type Outcome = Sight | Denied | SshError;

export interface Look {
  readonly machine: Machine;
  readonly outcome: Outcome;
}

/** Seconds for log-in and probe together: the whole is to take less than ten. */
const patience = 9;

/** As root; where sudo refuses, its last line says why (the lines before it are warnings). */
const become =
  "bash -c 'words=$(LC_ALL=C sudo -n true 2>&1 </dev/null) && exec sudo -n bash -s;" +
  ` echo "sudo=$(echo "$words" | tail -n 1)"'`;

/** @returns the script that looks at a machine, for bash as root */
export function probeScript({ address, role }: Pick<Machine, "address" | "role">, plan: Plan): string {
  const { amqp, management, prometheus } = plan.ports;
  return render("existing/probe.sh", {
    address,
    balancer: role === "balancer",
    peers: plan.machines,
    release: systems[plan.os].release,
    virtualAddress: plan.virtualAddress,
    virtualRouterId: plan.virtualRouterId,
    ports: [amqp, management, prometheus, plan.statsPort, epmdPort, distributionPort],
    interface: plan.interface ?? "",
  });
}

/** Looks at one machine, and throws nothing that has to do with it. */
export async function look(machine: Machine, plan: Plan): Promise<Look> {
  const { login } = machine;
  const command = login.user === "root" ? "bash -s" : become;
  let arrival: number | undefined;
  const onOutput = (): void => {
    arrival ??= performance.now() / 1000;
  };
  try {
    const input = probeScript(machine, plan);
    const output = await runOn(login, { command, input, patience, onOutput });
    return { machine, outcome: parse(output, arrival ?? NaN) };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return { machine, outcome: error };
  }
}

/**
 * @param output the probe's lines of KEY=VALUE
 * @param arrival when the first of them came, in seconds of this computer's monotonic clock
 */
export function parse(output: string, arrival: number): Sight | Denied {
  const values = new Map<string, string[]>();
  for (const line of output.split("\n")) {
    const [, key, value] = /^([a-z-]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, [...(values.get(key) ?? []), value]);
  }
  const all = (key: string): readonly string[] => values.get(key) ?? [];
  const first = (key: string): string | undefined => all(key)[0];
  const number = (key: string): number => Number(first(key) ?? NaN);
  const sudo = first("sudo");
  if (sudo !== undefined) return { sudo };
  return {
    clock: number("clock") - arrival,
    system: first("system") ?? "an unknown system",
    fits: first("fits") === "yes",
    systemd: first("systemd") === undefined ? undefined : parseInt(first("systemd") ?? "", 10),
    machineId: first("machine-id") ?? "",
    inets: all("inet").map(inet),
    synchronized: first("synchronized") === "yes",
    memory: number("memory"),
    disk: number("disk"),
    listeners: all("listener").map(listener),
    data: all("data"),
    names: all("name").map(pair),
    macs: all("mac"),
    device: first("device"),
    neighbour: first("neighbour"),
    routers: all("vrrp").filter((line) => line !== "done"),
    listened: all("vrrp").includes("done"),
  };
}

/** `eth0 10.0.0.5/24`; the end of a point-to-point link has no prefix length. */
function inet(text: string): Inet {
  const [device = "", cidr = ""] = text.split(" ");
  const [address = "", length = "32"] = cidr.split("/");
  return { device, address, prefixLength: Number(length) };
}

/** `5672 0.0.0.0 nginx,php fpm`: a name may have spaces. */
function listener(text: string): Listener {
  const [port, address = "", ...rest] = text.split(" ");
  const names = rest.join(" ").split(",");
  return { port: Number(port), address, processes: [...new Set(names.filter((name) => name !== ""))] };
}

/** `cent120 10.0.0.5` */
function pair(text: string): { readonly name: string; readonly address: string } {
  const [name = "", address = ""] = text.split(" ");
  return { name, address };
}
