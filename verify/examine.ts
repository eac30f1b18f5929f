/** Runs all checks on a running system concurrently. */
import { examineBalancers } from "./checks/balancers.ts";
import { examineBrokers } from "./checks/brokers.ts";
import { examineClientAddress } from "./checks/client-address.ts";
import { examineConsoles } from "./checks/consoles.ts";
import type { Finding } from "./finding.ts";
import { examineDefinitions } from "./checks/definitions.ts";
import { examineHosts } from "./checks/hosts.ts";
import { createClusterClient } from "./management.ts";
import type { System } from "./outputs.ts";
import { examinePolicies } from "./checks/policies.ts";
import { examineQueue } from "./checks/queue.ts";
import { examineSpread } from "./checks/spread.ts";
import { examineTls } from "./checks/tls.ts";

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
