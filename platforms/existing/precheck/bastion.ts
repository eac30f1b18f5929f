/** The bastion's limits on connections: all connections to the machines are also connections to it. */
import { availableParallelism } from "node:os";
import { SshError } from "../../../remote/ssh.ts";
import { render } from "../../../templates/render.ts";
import { runWithPinnedKey } from "../pinned-host-keys.ts";
import { parseLines, runAsRoot } from "./probe.ts";
import type { ProbeTarget } from "./probe-target.ts";
import { loginsAtOnce, parseSshdLimits, sshdLimitNotices, type SshdLimit } from "./sshd-limits.ts";
import {
  connectionFaults,
  connectionsOfUp,
  parseConnectionLimit,
  type ConnectionLimit,
} from "./surroundings.ts";

export interface ProbedBastion {
  readonly host: string;
  readonly port: number;
  /** The number of machines behind it. */
  readonly machineCount: number;
  readonly connectionLimit: ConnectionLimit | undefined;
  readonly sshdLimits: readonly SshdLimit[];
}

/** The steps that Pulumi runs at once, for each processor of this computer. */
const stepsPerProcessor = 4;

/** @returns the script that reads them, for bash as root */
export function renderBastionScript(port: number): string {
  return render("existing/bastion.sh", { port });
}

/**
 * Only root there can read its limits, and many bastions run no command at all: no answer says nothing. That the bastion
 * cannot be reached is said by the probes, which go through it.
 */
export async function probeBastion(machines: readonly ProbeTarget[]): Promise<ProbedBastion | undefined> {
  const login = machines[0]?.login.proxy;
  if (login === undefined) return undefined;
  const { host, port } = login;
  try {
    const input = renderBastionScript(port);
    const all = parseLines(
      await runWithPinnedKey(login, { command: runAsRoot(login), input, timeoutSeconds: 8 }),
    );
    const limits = { connectionLimit: parseConnectionLimit(all), sshdLimits: parseSshdLimits(all) };
    return { host, port, machineCount: machines.length, ...limits };
  } catch (error) {
    if (error instanceof SshError) return undefined;
    throw error;
  }
}

/** @returns that its firewall refuses connections as often as `up` makes them */
export function bastionFaults(bastion: ProbedBastion | undefined): string[] {
  if (bastion === undefined) return [];
  const { connectionLimit, port, machineCount } = bastion;
  const faults = connectionFaults({ connectionLimit }, port, connectionsOfUp * machineCount);
  return faults.map((fault) => `${label(bastion)}: ${fault}`);
}

/** @returns that its sshd takes fewer log-ins at once than `up` makes */
export function bastionNotices(
  bastion: ProbedBastion | undefined,
  processors: number = availableParallelism(),
): string[] {
  if (bastion === undefined) return [];
  const count = Math.min(loginsAtOnce * bastion.machineCount, stepsPerProcessor * processors);
  return sshdLimitNotices([{ label: label(bastion), limits: bastion.sshdLimits }], count);
}

function label({ host }: ProbedBastion): string {
  return `the bastion (${host})`;
}
