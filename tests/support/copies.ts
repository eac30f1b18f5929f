/** The brokers that have a copy of a queue. */
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";

/** @returns their names, sorted, as one broker reports them; of a mirrored queue only synchronised mirrors count */
export async function brokersWithCopy(lab: LabStack, broker: string, queue: string): Promise<string[]> {
  const keys = "name members pid synchronised_slave_pids";
  const list = await lab.runOn(broker, `rabbitmqctl -q list_queues ${keys} --no-table-headers </dev/null`);
  const line = list.split("\n").find((each) => each.startsWith(`${queue}\t`)) ?? "";
  return [...new Set([...line.matchAll(/rabbit@(\w+)/g)].map(([, name = ""]) => name))].sort();
}
