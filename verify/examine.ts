/** Runs all checks on a running system concurrently. */
import { examineBalancers } from "./balancers.ts";
import { examineBrokers } from "./brokers.ts";
import { examineClientAddress } from "./client-address.ts";
import { examineConsoles } from "./consoles.ts";
import type { Finding } from "./finding.ts";
import { examineDefinitions } from "./definitions.ts";
import { examineHosts } from "./hosts.ts";
import { createClusterClient } from "./management.ts";
import type { System } from "./outputs.ts";
import { examinePolicies } from "./policies.ts";
import { examineQueue } from "./queue.ts";
import { examineSpread } from "./spread.ts";
import { examineTls } from "./tls.ts";

/** @returns the findings in a fixed order; every request has a timeout, so this ends within half a minute */
export async function examine(system: System): Promise<Finding[]> {
  const cluster = createClusterClient(system);
  const groups = await Promise.all([
    examineBrokers(cluster),
    examinePolicies(cluster),
    examineDefinitions(cluster),
    examineQueue(cluster),
    examineSpread(cluster),
    examineBalancers(system),
    examineHosts(system),
    examineConsoles(system),
    examineTls(system),
    examineClientAddress(cluster),
  ]);
  return groups.flat();
}
