/** All checks on a running system, side by side. */
import { examineBalancers } from "./balancers.ts";
import { examineBrokers } from "./brokers.ts";
import { examineConsoles } from "./consoles.ts";
import type { Finding } from "./finding.ts";
import { examineHosts } from "./hosts.ts";
import { clusterOf } from "./management.ts";
import type { System } from "./outputs.ts";
import { examineQueue } from "./queue.ts";
import { examineSpread } from "./spread.ts";

/** @returns what was found, in a fixed order; every question in it has a deadline, so this ends within half a minute */
export async function examine(system: System): Promise<Finding[]> {
  const cluster = clusterOf(system);
  const rooms = await Promise.all([
    examineBrokers(cluster),
    examineQueue(cluster),
    examineSpread(cluster),
    examineBalancers(system),
    examineHosts(system),
    examineConsoles(system),
  ]);
  return rooms.flat();
}
