/** Whether the system is whole: all that `verify` asks, and the mirrors and members of the load's own queues. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { because } from "../../verify/cause.ts";
import { examine } from "../../verify/examine.ts";
import { clusterOf } from "../../verify/management.ts";
import { judgeMirrors, queueRow } from "../../verify/mirrors.ts";
import type { System } from "../../verify/outputs.ts";

/** Milliseconds between an answer and the next question. */
const between = 500;

const row = queueRow.extend({ name: z.string(), online: z.array(z.string()).optional() });

/** @returns what is not as it should be, a line each */
export async function complaintsOf(system: System, queues: readonly string[]): Promise<string[]> {
  const [findings, mirrors] = await Promise.all([examine(system), queueComplaints(system, queues)]);
  const failed = findings.filter((finding) => !finding.whole);
  return [...failed.map(({ check, subject, detail }) => `${check} ${subject}: ${detail}`), ...mirrors];
}

/** @returns the checks of `verify` that fail now */
export async function failedChecks(system: System): Promise<string[]> {
  const findings = await examine(system);
  return findings.filter((finding) => !finding.whole).map(({ check, subject }) => `${check} ${subject}`);
}

async function queueComplaints(system: System, queues: readonly string[]): Promise<string[]> {
  const names = system.brokers.map(({ name }) => name);
  const columns = "columns=name,type,node,slave_nodes,synchronised_slave_nodes,online";
  try {
    const api = await clusterOf(system).any;
    const rows = await api.get(`/api/queues/%2F?${columns}`, z.array(row));
    return queues.flatMap((name) => {
      const queue = rows.find((each) => each.name === name);
      if (queue === undefined) return [`queue ${name}: not there`];
      if (queue.type === "quorum") {
        const missing = names.filter((broker) => queue.online?.includes(`rabbit@${broker}`) !== true);
        return missing.length === 0 ? [] : [`queue ${name}: no member on ${missing.join(", ")}`];
      }
      const verdict = judgeMirrors(queue, system.policy.definition, names);
      return verdict.whole ? [] : [`queue ${name}: ${verdict.detail}`];
    });
  } catch (error) {
    return [`queues: ${because(error)}`];
  }
}

export interface Wholeness {
  /** When it was found whole, by performance.now(); undefined when it was not in time. */
  readonly at: number | undefined;
  readonly complaints: readonly string[];
}

/** Asks until the system is whole. The time is that of the good answer's end. @param seconds after which it gives up */
export async function untilWhole(
  system: System,
  queues: readonly string[],
  seconds: number,
  signal: AbortSignal,
): Promise<Wholeness> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const complaints = await complaintsOf(system, queues);
    if (complaints.length === 0) return { at: performance.now(), complaints };
    if (performance.now() > deadline) return { at: undefined, complaints };
    await pause(between);
  }
}
