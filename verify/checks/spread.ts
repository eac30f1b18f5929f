/** Checks that connections through the virtual address reach the brokers. */
import { z } from "zod";
import { type OpenConnection, withConnections } from "../amqp.ts";
import { reasonOf } from "../cause.ts";
import { fail, type Finding, runCheck, type Verdict, combineVerdicts } from "../finding.ts";
import { type ManagementApi, attributeTimeouts, type ClusterClient } from "../management.ts";
import { shortHostName } from "../../hosts/node-name.ts";
import { pollUntil } from "../polling.ts";
import { keepalivedServiceNames } from "./resources.ts";
import { brokerServiceName } from "../../hosts/resource-names.ts";

const connectionCount = 30;
/** For all connections together. */
const timeoutSeconds = 15;

const queueLocation = z.object({ node: z.string().optional() });

/**
 * Opens one connection and finds out which broker it reached. The balancer hides that, but an exclusive queue is always
 * on the broker of its connection. The cluster knows a queue's broker at once, whereas the management API lists
 * connections seconds late.
 */
async function findConnectedBroker(open: OpenConnection, api: ManagementApi): Promise<string> {
  const channel = await (await open()).createChannel();
  const { queue } = await channel.assertQueue("", {
    exclusive: true,
    arguments: { "x-queue-type": "classic" },
  });
  const path = `/api/queues/%2F/${encodeURIComponent(queue)}?columns=node`;
  const { node } = await pollUntil(
    { timeoutSeconds: 5, intervalMs: 100 },
    () => api.get(path, queueLocation, [200, 404]),
    (answer) => answer.node !== undefined,
  );
  if (node === undefined) throw new Error(`${api.broker.name} does not list a connection's queue`);
  return shortHostName(node);
}

/**
 * Whether one client's connections reach every broker. `source` sends all of a client's to the same one, `first` all
 * to the first one that is up (HAProxy's manual, `balance`).
 */
function isSpread(balance: string | null | undefined): boolean {
  return balance !== "source" && balance !== "first";
}

/**
 * Checks that every connection was made and, where they are spread, that every broker got at least one.
 * @param outcomes for each connection its broker, or why it failed
 */
export function judgeSpread(
  outcomes: readonly PromiseSettledResult<string>[],
  brokers: readonly string[],
  resourcesToRerun: readonly string[],
  balance?: string | null,
): Verdict {
  const counts = new Map(brokers.map((name) => [name, 0]));
  const failures: unknown[] = [];
  for (const each of outcomes) {
    if (each.status === "fulfilled") counts.set(each.value, (counts.get(each.value) ?? 0) + 1);
    else failures.push(each.reason);
  }
  const list = [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
  if (failures.length === outcomes.length) return fail(reasonOf(failures[0]), ...resourcesToRerun);
  const problems: Verdict[] = [];
  if (failures.length > 0) {
    problems.push(
      fail(`${failures.length} of ${outcomes.length} failed (${reasonOf(failures[0])})`, ...resourcesToRerun),
    );
  }
  for (const name of isSpread(balance) ? brokers : []) {
    if (counts.get(name) === 0)
      problems.push(fail(`no connection reached ${name} (${list})`, brokerServiceName(name)));
  }
  return combineVerdicts(problems, `${outcomes.length} connections: ${list}`);
}

export async function examineSpread(cluster: ClusterClient): Promise<Finding[]> {
  const { system } = cluster;
  if (system.expected?.servers !== undefined) return [];
  const address = keepalivedServiceNames(system);
  const finding = runCheck("spread", "virtual address", attributeTimeouts(cluster, address), async () => {
    const api = await cluster.firstToAnswer;
    const outcomes = await withConnections(system.amqpUri, timeoutSeconds, async (open) => {
      // The first one goes alone: if no host holds the address, only few connections can wait for it at a time.
      const first = findConnectedBroker(open, api);
      await first;
      const others = Array.from({ length: connectionCount - 1 }, () => findConnectedBroker(open, api));
      return Promise.allSettled([first, ...others]);
    });
    // Until the balancers mark an unresponsive broker as down, they send connections to it, which hang there.
    const silent = (await cluster.unresponsive).map((name) => brokerServiceName(name));
    const names = system.brokers.map(({ name }) => name);
    return judgeSpread(outcomes, names, silent.length > 0 ? silent : address, system.balance);
  });
  return [await finding];
}
