/** Probes one machine: returns what it found there, or why the probe failed. */
import { z } from "zod";
import { distributionPort, epmdPort } from "../../../hosts/other-ports.ts";
import { servedProtocols } from "../../../hosts/protocol-ports.ts";
import type { BrokerPackage } from "../../../hosts/rabbitmq-version.ts";
import { systems } from "../../../hosts/systems.ts";
import { parseJson } from "../../../json.ts";
import { SshError, type Login } from "../../../remote/ssh.ts";
import { render } from "../../../templates/render.ts";
import type { IntendedSetup, ProbeTarget } from "./probe-target.ts";
import { runWithPinnedKey } from "../pinned-host-keys.ts";
import { parsePython, type PythonFacts } from "./python.ts";
import { parseSshdLimits, type SshdLimit } from "./sshd-limits.ts";
import { parseBrokerPackage } from "./rabbitmq.ts";
import { parseSurroundings, unitsOf, type Surroundings } from "./surroundings.ts";
import { destinationsOf, parseFirewall, type FirewallFacts } from "./firewalls.ts";
import { environmentVariables, parseFilesOfOthers, type FilesOfOthers } from "./files-of-others.ts";

/** An address of a machine, with the prefix length of its network. */
export interface InterfaceAddress {
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
}

/** A TCP socket that listens on a machine. */
export interface Listener {
  readonly port: number;
  /** As `ss` writes it. */
  readonly address: string;
  /** The names of its processes; empty if `ss` reports none. */
  readonly processes: readonly string[];
}

/** A stack's mark on a machine, as agent/owner.py writes it. */
const ownerMark = z.object({
  stackId: z.string(),
  stack: z.string(),
  host: z.string(),
  role: z.string(),
  identity: z.string(),
});
export type MachineOwner = Readonly<z.infer<typeof ownerMark>>;

/** What a probe found on a machine; what it could not find out is absent or NaN. */
export interface HostFacts {
  /** The machine's clock minus this computer's monotonic clock, in seconds; only differences of machines matter. */
  readonly clockSeconds: number;
  /** ID-VERSION_ID of its /etc/os-release. */
  readonly system: string;
  /** Whether that is the configured system. */
  readonly isConfiguredSystem: boolean;
  /** The version of the running systemd. */
  readonly systemdVersion: number | undefined;
  readonly machineId: string;
  /** The stack whose mark is on the machine; "unreadable" if the mark does not say it; absent if there is no mark. */
  readonly owner?: MachineOwner | "unreadable";
  readonly addresses: readonly InterfaceAddress[];
  /** Whether a time service synchronizes its clock. */
  readonly isClockSynchronized: boolean;
  /** Total memory, in KiB. */
  readonly memoryKib: number;
  /** Processors; NaN if it does not say. */
  readonly cores: number;
  /** Free disk space below /var, in KiB. */
  readonly freeDiskKib: number;
  /** The sockets on the ports that the program will use. */
  readonly listeners: readonly Listener[];
  /** The Erlang nodes whose data is on the machine. */
  readonly dataNodes: readonly string[];
  /** The addresses that the names of the stack's machines resolve to there, without entries that the program wrote. */
  readonly resolvedNames: readonly { readonly name: string; readonly address: string }[];
  /** The MAC addresses of its interfaces. */
  readonly macs: readonly string[];
  /** On a balancer, the interface for the virtual address; absent if it does not exist. */
  readonly virtualAddressInterface: string | undefined;
  /** The MAC address that answers for the virtual address. */
  readonly virtualAddressMac: string | undefined;
  /** The addresses of the routers that advertise the virtual router id. */
  readonly advertisingRouters: readonly string[];
  /** Whether the probe could listen for advertisements. */
  readonly couldListen: boolean;
  readonly python: PythonFacts;
  readonly sshdLimits: readonly SshdLimit[];
  readonly surroundings: Surroundings;
  readonly firewall: FirewallFacts;
  readonly files: FilesOfOthers;
  /** On a broker; empty if the machine does not say. */
  readonly rabbitmq: BrokerPackage;
}

/** The message of sudo if it does not let the user become root. */
export interface SudoDenied {
  readonly sudo: string;
}

export type ProbeOutcome = HostFacts | SudoDenied | SshError;

/** @returns whether the probe succeeded */
export function hasFacts(outcome: ProbeOutcome): outcome is HostFacts {
  return "machineId" in outcome;
}

export interface ProbeResult {
  readonly machine: ProbeTarget;
  readonly outcome: ProbeOutcome;
}

/** The timeout for log-in and probe together; the whole precheck takes less than ten seconds. */
const timeoutSeconds = 9;

/** Runs bash as root. If sudo refuses, the last line of its output is the reason; the lines before it are warnings. */
const bashAsRoot =
  "bash -c 'words=$(LC_ALL=C sudo -n true 2>&1 </dev/null) && exec sudo -n bash -s;" +
  ` echo "sudo=$(echo "$words" | tail -n 1)"'`;

/** @returns the command that runs the script on its standard input as root */
export function runAsRoot({ user }: Pick<Login, "user">): string {
  return user === "root" ? "bash -s" : bashAsRoot;
}

/** @returns whether the probe, or what runs it, has written a line: its first one has the clock */
export function isProbeLine(line: string): boolean {
  return /^(clock|sudo)=/.test(line);
}

/** @returns the script that probes a machine, for bash as root */
export function renderProbeScript(
  { address, role, login }: Pick<ProbeTarget, "address" | "role" | "login">,
  plan: IntendedSetup,
): string {
  return render("existing/probe.sh", {
    address,
    balancer: role === "balancer",
    apt: systems[plan.os].installer === "apt",
    installer: systems[plan.os].installer,
    peers: plan.machines,
    release: systems[plan.os].release,
    virtualAddress: plan.virtualAddress,
    virtualRouterId: plan.virtualRouterId,
    ports: [...servedProtocols(plan).map(({ port }) => port), plan.statsPort, epmdPort, distributionPort],
    interface: plan.interface ?? "",
    units: unitsOf[role],
    user: login.user,
    port: login.port,
    environmentVariables: environmentVariables(role),
    destinations: destinationsOf({ address, role }, plan),
  });
}

/** Probes one machine. An SSH error is returned, not thrown. */
export async function probeMachine(machine: ProbeTarget, plan: IntendedSetup): Promise<ProbeResult> {
  const { login } = machine;
  const command = runAsRoot(login);
  let arrival: number | undefined;
  const onOutput = (): void => {
    arrival ??= performance.now() / 1000;
  };
  try {
    const input = renderProbeScript(machine, plan);
    const output = await runWithPinnedKey(login, { command, input, timeoutSeconds, onOutput });
    if (!output.split("\n").some(isProbeLine)) {
      return { machine, outcome: new SshError("command", "the probe wrote nothing", { said: output }) };
    }
    return { machine, outcome: parseProbeOutput(output, arrival ?? NaN) };
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return { machine, outcome: error };
  }
}

/**
 * @param output the probe's lines of KEY=VALUE
 * @param arrival when the first line arrived, in seconds of this computer's monotonic clock
 */
export function parseProbeOutput(output: string, arrival: number): HostFacts | SudoDenied {
  const all = parseLines(output);
  const first = (key: string): string | undefined => all(key)[0];
  const number = (key: string): number => Number(first(key) ?? NaN);
  const sudo = first("sudo");
  if (sudo !== undefined) return { sudo };
  return {
    clockSeconds: number("clock") - arrival,
    system: first("system") ?? "an unknown system",
    isConfiguredSystem: first("fits") === "yes",
    systemdVersion: first("systemd") === undefined ? undefined : parseInt(first("systemd") ?? "", 10),
    machineId: first("machine-id") ?? "",
    ...(all("owner").length > 0 ? { owner: parseOwner(first("owner") ?? "") } : {}),
    addresses: all("inet").map(parseInet),
    isClockSynchronized: first("synchronized") === "yes",
    memoryKib: number("memory"),
    cores: number("cores"),
    freeDiskKib: number("disk"),
    listeners: all("listener").map(parseListener),
    dataNodes: all("data"),
    resolvedNames: all("name").map(parseName),
    macs: all("mac"),
    virtualAddressInterface: first("device"),
    virtualAddressMac: first("neighbour"),
    advertisingRouters: all("vrrp").filter((line) => line !== "done"),
    couldListen: all("vrrp").includes("done"),
    python: parsePython(all),
    sshdLimits: parseSshdLimits(all),
    surroundings: parseSurroundings(all),
    firewall: parseFirewall(all),
    files: parseFilesOfOthers(all),
    rabbitmq: parseBrokerPackage(first),
  };
}

/** @returns the values of a key, of a probe's lines of KEY=VALUE */
export function parseLines(output: string): (key: string) => readonly string[] {
  const values = new Map<string, string[]>();
  for (const line of output.split("\n")) {
    const [, key, value] = /^([a-z-]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, [...(values.get(key) ?? []), value]);
  }
  return (key) => values.get(key) ?? [];
}

function parseOwner(text: string): MachineOwner | "unreadable" {
  return ownerMark.safeParse(parseJson(text)).data ?? "unreadable";
}

/** `eth0 10.0.0.5/24`; an address of a point-to-point link has no prefix length. */
function parseInet(text: string): InterfaceAddress {
  const [device = "", cidr = ""] = text.split(" ");
  const [address = "", length = "32"] = cidr.split("/");
  return { device, address, prefixLength: Number(length) };
}

/** `5672 0.0.0.0 nginx,php fpm`: a process name may contain spaces. */
function parseListener(text: string): Listener {
  const [port, address = "", ...rest] = text.split(" ");
  const names = rest.join(" ").split(",");
  return { port: Number(port), address, processes: [...new Set(names.filter((name) => name !== ""))] };
}

/** `cent120 10.0.0.5` */
function parseName(text: string): { readonly name: string; readonly address: string } {
  const [name = "", address = ""] = text.split(" ");
  return { name, address };
}
