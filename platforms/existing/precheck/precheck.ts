/** Checks all existing machines at the same time, before anything is registered. */
import * as pulumi from "@pulumi/pulumi";
import { joinNames } from "../../../config/faults.ts";
import { bastionFaults, bastionNotices, probeBastion } from "./bastion.ts";
import type { PrecheckedMachine } from "../existing.ts";
import { findFaults, probedHosts } from "./faults.ts";
import { hasFacts, probeMachine, type ProbeResult } from "./probe.ts";
import { machineLabel, type IntendedSetup } from "./probe-target.ts";
import { firewallWarnings } from "./firewalls.ts";
import { filesOfOthersNotice } from "./files-of-others.ts";
import { neighbourFaults } from "./neighbours.ts";
import { productionNotice } from "./production.ts";
import { vrrpAddress } from "./vrrp-address.ts";
import { pythonNotice, pythonWarning } from "./python.ts";
import { sshdLimitNotices } from "./sshd-limits.ts";
import { refusalError } from "../../../config/refusal-error.ts";

export type { ProbeTarget } from "./probe-target.ts";

export interface PrecheckArgs extends IntendedSetup {
  /** Lines of rabbitmq.conf that override the program's defaults. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Takes less than ten seconds, whatever the machines do; with a stated interface, on which the balancers are asked for
 * each other once nothing else is wrong, as long again at most.
 *
 * @returns by the machine's name, what the program has to know about it
 * @throws pulumi.RunError with all faults in one message
 */
export async function precheck(args: PrecheckArgs): Promise<ReadonlyMap<string, PrecheckedMachine>> {
  const { stack, machines } = args;
  const [bastion, ...looks] = await Promise.all([
    probeBastion(machines),
    ...machines.map((machine) => probeMachine(machine, args)),
  ]);
  const faults = [...bastionFaults(bastion), ...findFaults(looks, args)];
  if (faults.length === 0) faults.push(...(await neighbourFaults(probedHosts(looks), args)));
  if (faults.length > 0) throw refusalError(formatFaults(faults, stack.name));
  const notice = routerCheckNotice(looks, args);
  if (notice !== undefined) await pulumi.log.info(notice);
  const probed = probedHosts(looks);
  const hosts = probed.map(({ machine, facts }) => ({ label: machineLabel(machine), facts }));
  const kept = filesOfOthersNotice(hosts.map(({ label, facts }) => ({ label, files: facts.files })));
  if (kept !== undefined) await pulumi.log.info(kept);
  const sshds = hosts.map(({ label, facts }) => ({ label, limits: facts.sshdLimits }));
  for (const notice of [...bastionNotices(bastion), ...sshdLimitNotices(sshds)])
    await pulumi.log.info(notice);
  const pythons = hosts.map(({ label, facts }) => ({ label, ...facts.python }));
  const python = pythonNotice(pythons);
  if (python !== undefined) await pulumi.log.info(python);
  const noPython = pythonWarning(pythons);
  if (noPython !== undefined) await pulumi.log.warn(noPython);
  const recommended = productionNotice(looks, args.settings);
  if (recommended !== undefined) await pulumi.log.info(recommended);
  const drifting = clockWarning(looks);
  if (drifting !== undefined) await pulumi.log.warn(drifting);
  for (const line of firewallWarnings(probed, args)) await pulumi.log.warn(line);
  return new Map(looks.flatMap((each) => found(each, args)));
}

/** @returns one message with all faults */
export function formatFaults(faults: readonly string[], stack: string): string {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  const lines = faults.map((text) => `  ${text}`).join("\n");
  return `The machines of stack "${stack}" have ${count}; nothing was changed.\n\n${lines}\n`;
}

/** @returns on which balancers the probe could not listen for other routers; undefined if it could on all */
export function routerCheckNotice(
  results: readonly ProbeResult[],
  { virtualRouterId }: IntendedSetup,
): string | undefined {
  const unchecked = results.filter(
    ({ machine, outcome }) => machine.role === "balancer" && hasFacts(outcome) && !outcome.couldListen,
  );
  if (unchecked.length === 0) return undefined;
  return (
    `${joinNames(unchecked.map(({ machine }) => machineLabel(machine)))}: whether another router on the network uses the virtual ` +
    `router id ${virtualRouterId} could not be checked: there is no Python to listen with.`
  );
}

/** @returns which machines have no time service; undefined if all have one */
export function clockWarning(results: readonly ProbeResult[]): string | undefined {
  const drifting = results.filter(({ outcome }) => hasFacts(outcome) && !outcome.isClockSynchronized);
  if (drifting.length === 0) return undefined;
  return (
    `${joinNames(drifting.map(({ machine }) => machineLabel(machine)))}: no time service synchronizes the clock, so it will drift away ` +
    "from the others'. Set one up: systemd-timesyncd (Debian, Ubuntu) or chrony (CentOS, Rocky, AlmaLinux)."
  );
}

function found(
  { machine, outcome }: ProbeResult,
  plan: IntendedSetup,
): (readonly [string, PrecheckedMachine])[] {
  if (!hasFacts(outcome)) return [];
  const { name, address, role } = machine;
  const { owner, machineId } = outcome;
  const inet = outcome.addresses.find((each) => each.address === address);
  if (inet === undefined) return [];
  // A machine whose machine-id has changed is still the machine that the stack has marked.
  const isMarked = typeof owner === "object" && owner.stackId === plan.stack.id && owner.host === name;
  const identity = isMarked ? owner.identity : machineId;
  const vrrp = role === "balancer" ? vrrpAddress({ machine, facts: outcome }, plan) : undefined;
  const checked = {
    ...{ interface: inet.device, prefixLength: inet.prefixLength, identity },
    ...(role === "broker" ? { rabbitmq: outcome.rabbitmq } : {}),
    ...(vrrp === undefined ? {} : { vrrp: { ...vrrp, interface: vrrp.device } }),
  };
  return [[name, checked]];
}
