/** Checks `rabbitmq.settings`, the user's own lines of rabbitmq.conf. */
import type { z } from "zod";
import { joinNames } from "./faults.ts";

/** Keys of rabbitmq.conf that the program writes itself, and where to set their values instead. */
const reservedKeys: readonly (readonly [RegExp, string])[] = [
  [/^cluster_formation\./, "remove it, since it follows from brokers"],
  [/^listeners\.tcp($|\.)/, "write rabbitmq.ports.amqp"],
  [/^management\.(tcp|listener)\.port$/, "write rabbitmq.ports.management"],
  [/^prometheus\.tcp\.port$/, "write rabbitmq.ports.prometheus"],
  [/^(load_definitions|definitions\..+)$/, "write rabbitmq.adminUser and rabbitmq.policy"],
  [/^net_ticktime$/, "write rabbitmq.netTickTime"],
  [/^cluster_name$/, "write clusterName"],
  [/^default_user$/, "write rabbitmq.adminUser"],
  [/^default_pass$/, "write adminPassword, with pulumi config set --secret"],
];

/** Values of `cluster_partition_handling` (https://www.rabbitmq.com/docs/partitions). */
const partitionHandlings = ["pause_minority", "autoheal", "ignore", "pause_if_all_down"];

export function checkSettings(settings: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const [key, value] of Object.entries(settings)) {
    const message = keyFault(key) ?? valueFault(key, value);
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
  }
}

function keyFault(key: string): string | undefined {
  const reserved = reservedKeys.find(([pattern]) => pattern.test(key));
  if (reserved !== undefined) return `the program writes this line itself; ${reserved[1]}`;
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_$@*/-]+)*$/.test(key)) return undefined;
  return "not a key of rabbitmq.conf; write one such as vm_memory_high_watermark.relative";
}

function valueFault(key: string, value: unknown): string | undefined {
  if (!["string", "number", "boolean"].includes(typeof value)) {
    return "not a single value; write a text, a number, true or false, and nested keys with dots (a.b: value)";
  }
  if (typeof value === "string" && (/\p{Cc}/u.test(value) || value.trim() === "")) {
    return "empty or several lines; write a text for one line of rabbitmq.conf";
  }
  if (key === "cluster_partition_handling" && !partitionHandlings.includes(String(value))) {
    return `not a partition handling; write ${joinNames(partitionHandlings, "or")}`;
  }
  return undefined;
}
