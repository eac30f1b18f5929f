/** Which brokers have a copy of a queue. */
import type { LabStack } from "../../testbed/labs/lab-stack.ts";

/** @returns their names, sorted, as one broker tells; of a mirrored queue those that are in sync */
export async function holders(lab: LabStack, broker: string, queue: string): Promise<string[]> {
  const keys = "name members pid synchronised_slave_pids";
  const list = await lab.on(broker, `rabbitmqctl -q list_queues ${keys} --no-table-headers </dev/null`);
  const line = list.split("\n").find((each) => each.startsWith(`${queue}\t`)) ?? "";
  return [...new Set([...line.matchAll(/rabbit@(\w+)/g)].map(([, name = ""]) => name))].sort();
}
