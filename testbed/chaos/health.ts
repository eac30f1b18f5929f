/** Whether the system is healthy: all checks of `verify`, and the mirrors and members of the load's own queues. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { reasonOf } from "../../verify/cause.ts";
import { examine } from "../../verify/examine.ts";
import { nameOf } from "../../verify/finding.ts";
import { createClusterClient } from "../../verify/management.ts";
import { judgeMirrors, queueRow } from "../../verify/checks/mirrors.ts";
import type { System } from "../../verify/outputs.ts";

/** Milliseconds between two rounds of checks. */
const pollIntervalMs = 500;

const queueRowWithMembers = queueRow.extend({ name: z.string(), online: z.array(z.string()).optional() });

/** @returns the problems found, a line each */
export async function findProblems(system: System, queues: readonly string[]): Promise<string[]> {
  const [findings, mirrors] = await Promise.all([examine(system), findQueueProblems(system, queues)]);
  const failed = findings.filter((finding) => !finding.ok);
  return [...failed.map((finding) => `${nameOf(finding)}: ${finding.detail}`), ...mirrors];
}

/** @returns the checks of `verify` that fail now, as check and subject */
export async function findFailedChecks(system: System): Promise<string[]> {
  const findings = await examine(system);
  return findings.filter((finding) => !finding.ok).map(nameOf);
}

async function findQueueProblems(system: System, queues: readonly string[]): Promise<string[]> {
  const names = system.brokers.map(({ name }) => name);
  const columns = "columns=name,type,node,slave_nodes,synchronised_slave_nodes,online";
  try {
    const api = await createClusterClient(system).firstToAnswer;
    const rows = await api.get(`/api/queues/%2F?${columns}`, z.array(queueRowWithMembers));
    return queues.flatMap((name) => {
      const queue = rows.find((each) => each.name === name);
      if (queue === undefined) return [`queue ${name}: missing`];
      if (queue.type === "quorum") {
        const missing = names.filter((broker) => queue.online?.includes(`rabbit@${broker}`) !== true);
        return missing.length === 0 ? [] : [`queue ${name}: no member on ${missing.join(", ")}`];
      }
      const verdict = judgeMirrors(queue, system.policy.definition, names);
      return verdict.ok ? [] : [`queue ${name}: ${verdict.detail}`];
    });
  } catch (error) {
    return [`queues: ${reasonOf(error)}`];
  }
}

export interface HealthResult {
  /** When the system was found healthy, by performance.now(); undefined when it was not in time. */
  readonly healthyAt: number | undefined;
  readonly problems: readonly string[];
}

/** Checks until the system is healthy; the time is the end of the check that passed. */
export async function waitUntilHealthy(
  system: System,
  queues: readonly string[],
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<HealthResult> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    signal.throwIfAborted();
    const complaints = await findProblems(system, queues);
    if (complaints.length === 0) return { healthyAt: performance.now(), problems: complaints };
    if (performance.now() > deadline) return { healthyAt: undefined, problems: complaints };
    await pause(pollIntervalMs);
  }
}
