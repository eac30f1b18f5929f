/** That connections through the virtual address come to every broker. */
import { z } from "zod";
import { type Open, withConnections } from "./amqp.ts";
import { because } from "./cause.ts";
import { broken, type Finding, look, type Verdict, verdict } from "./finding.ts";
import { type Api, blameSilent, type Cluster } from "./management.ts";
import { shortName } from "./members.ts";
import { until } from "./patience.ts";
import { addressServices } from "./resources.ts";
import { brokerServiceName } from "../hosts/resource-names.ts";

const connections = 30;
/** Seconds for all of them. */
const patience = 15;

const place = z.object({ node: z.string().optional() });

/**
 * Opens one connection and asks where it ended. The balancer hides that, but an exclusive queue always lives on the
 * broker of its connection, and where a queue lives the cluster knows at once; the management's list of connections
 * is seconds late.
 */
async function brokerOf(open: Open, api: Api): Promise<string> {
  const channel = await (await open()).createChannel();
  const { queue } = await channel.assertQueue("", {
    exclusive: true,
    arguments: { "x-queue-type": "classic" },
  });
  const path = `/api/queues/%2F/${encodeURIComponent(queue)}?columns=node`;
  const { node } = await until(
    { seconds: 5, between: 100 },
    () => api.get(path, place, [200, 404]),
    (answer) => answer.node !== undefined,
  );
  if (node === undefined) throw new Error(`${api.broker.name} does not see a connection's queue`);
  return shortName(node);
}

/**
 * @param landed per connection its broker, or why there was none
 * @returns whether every connection was made and every broker has some
 */
export function judgeSpread(
  landed: readonly PromiseSettledResult<string>[],
  brokers: readonly string[],
  rerun: readonly string[],
): Verdict {
  const counts = new Map(brokers.map((name) => [name, 0]));
  const failures: unknown[] = [];
  for (const each of landed) {
    if (each.status === "fulfilled") counts.set(each.value, (counts.get(each.value) ?? 0) + 1);
    else failures.push(each.reason);
  }
  const list = [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
  if (failures.length === landed.length) return broken(because(failures[0]), ...rerun);
  const complaints: Verdict[] = [];
  if (failures.length > 0) {
    complaints.push(
      broken(`${failures.length} of ${landed.length} failed (${because(failures[0])})`, ...rerun),
    );
  }
  for (const name of brokers) {
    if (counts.get(name) === 0)
      complaints.push(broken(`none came to ${name} (${list})`, brokerServiceName(name)));
  }
  return verdict(complaints, `${landed.length} connections: ${list}`);
}

export async function examineSpread(cluster: Cluster): Promise<Finding[]> {
  const { system } = cluster;
  const address = addressServices(system);
  const finding = look("spread", "virtual address", blameSilent(cluster, address), async () => {
    const api = await cluster.any;
    const landed = await withConnections(system.amqpUri, patience, async (open) => {
      // The first one goes alone: where nobody holds the address, only few can wait for it at a time.
      const first = brokerOf(open, api);
      await first;
      const others = Array.from({ length: connections - 1 }, () => brokerOf(open, api));
      return Promise.allSettled([first, ...others]);
    });
    // A silent broker that the balancers have not given up yet keeps the connections that they send to it.
    const silent = (await cluster.silent).map((name) => brokerServiceName(name));
    const names = system.brokers.map(({ name }) => name);
    return judgeSpread(landed, names, silent.length > 0 ? silent : address);
  });
  return [await finding];
}
