/** Looks at machines that are simply there before anything is registered, all at once. */
import * as pulumi from "@pulumi/pulumi";
import { listed } from "../../config/faults.ts";
import type { Found } from "./existing.ts";
import { findings, title } from "./findings.ts";
import { look, type Look, type Machine, type Plan } from "./probe.ts";
import { keyscan } from "./refusals.ts";
import { refused } from "../refused.ts";

export type { Machine } from "./probe.ts";

export interface PrecheckArgs extends Plan {
  readonly stack: string;
}

/**
 * Takes less than ten seconds, whatever the machines do.
 *
 * @returns by the machine's name what the program has to know of it
 * @throws pulumi.RunError with everything that is wrong in one message
 */
export async function precheck(args: PrecheckArgs): Promise<ReadonlyMap<string, Found>> {
  const { stack, machines } = args;
  const warning = unpinned(machines);
  if (warning !== undefined) await pulumi.log.warn(warning);
  const looks = await Promise.all(machines.map((machine) => look(machine, args)));
  const faults = findings(looks, args);
  if (faults.length > 0) throw refused(report(faults, stack));
  const notice = unheard(looks, args);
  if (notice !== undefined) await pulumi.log.info(notice);
  const drifting = unsynchronized(looks);
  if (drifting !== undefined) await pulumi.log.warn(drifting);
  return new Map(looks.flatMap(found));
}

/** Puts all faults into one message. */
export function report(faults: readonly string[], stack: string): string {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  const lines = faults.map((text) => `  ${text}`).join("\n");
  return `The machines of stack "${stack}" have ${count}; nothing was changed.\n\n${lines}\n`;
}

/** @returns which hosts are taken with any key, and how to pin theirs; undefined where all are pinned */
export function unpinned(machines: readonly Machine[]): string | undefined {
  const open = machines.filter(({ login }) => login.hostKey === undefined);
  const proxy = machines[0]?.login.proxy;
  const bastion = proxy?.hostKey === undefined ? proxy : undefined;
  const names = [...(bastion === undefined ? [] : [`the bastion (${bastion.host})`]), ...open.map(title)];
  if (names.length === 0) return undefined;
  const scans = [...(bastion === undefined ? [] : [keyscan(bastion, [bastion.host])]), ...machineScan(open)];
  return (
    `No host key is pinned of ${listed(names)}: whoever answers there is believed. Compare what ` +
    `${listed(scans)} ${scans.length === 1 ? "prints" : "print"} with the hosts' own keys, then set it as existing.hostKeys.`
  );
}

/** All machines have one port and one bastion, from which alone they may be seen. */
function machineScan(machines: readonly Machine[]): string[] {
  const [first] = machines;
  if (first === undefined) return [];
  const addresses = machines.map(({ address }) => address);
  return [keyscan(first.login, addresses) + (first.login.proxy === undefined ? "" : " (on the bastion)")];
}

/** @returns on which balancers nobody could listen for other routers; undefined where somebody did on each */
export function unheard(looks: readonly Look[], { virtualRouterId }: Plan): string | undefined {
  const deaf = looks.filter(
    ({ machine, outcome }) => machine.role === "balancer" && "listened" in outcome && !outcome.listened,
  );
  if (deaf.length === 0) return undefined;
  return (
    `${listed(deaf.map(({ machine }) => title(machine)))}: whether another router on the network uses the virtual ` +
    `router id ${virtualRouterId} was not looked for: there is no Python to listen with.`
  );
}

/** @returns which machines' clocks no time service keeps; undefined where all are kept */
export function unsynchronized(looks: readonly Look[]): string | undefined {
  const drifting = looks.filter(({ outcome }) => "inets" in outcome && !outcome.synchronized);
  if (drifting.length === 0) return undefined;
  return (
    `${listed(drifting.map(({ machine }) => title(machine)))}: no time service keeps the clock, so it will drift away ` +
    "from the others'. Set one up: systemd-timesyncd (Debian, Ubuntu) or chrony (CentOS, Rocky, AlmaLinux)."
  );
}

function found({ machine: { name, address }, outcome }: Look): (readonly [string, Found])[] {
  if (!("inets" in outcome)) return [];
  const inet = outcome.inets.find((each) => each.address === address);
  if (inet === undefined) return [];
  return [[name, { interface: inet.device, prefixLength: inet.prefixLength, machineId: outcome.machineId }]];
}
