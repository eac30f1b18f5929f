/** Judges the cluster as each broker reports it; brokers.ts fetches the reports. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { shortHostName } from "../../hosts/node-name.ts";
import { fail, needsOperator, type Verdict, combineVerdicts, pass } from "../finding.ts";
import type { System } from "../outputs.ts";
import {
  adminStepName,
  brokerMemberName,
  brokerPluginsName,
  brokerServiceName,
  clusterNameStepName,
  policySetStepName,
} from "../../hosts/resource-names.ts";

/** A row of /api/nodes. A node's statistics, including its partitions, appear some seconds later than the node. */
export const nodeRow = z.object({
  name: z.string(),
  running: z.boolean(),
  type: z.string().optional(),
  partitions: z.array(z.string()).optional(),
});
export type NodeRow = Readonly<z.infer<typeof nodeRow>>;

export const alarmReport = z.object({
  status: z.string(),
  reason: z.string().optional(),
  alarms: z.array(z.object({ resource: z.string() })).optional(),
});

export const policyRow = z.object({
  vhost: z.string(),
  name: z.string(),
  pattern: z.string(),
  definition: z.record(z.string(), z.unknown()),
  priority: z.number().optional(),
});

/**
 * Checks that a broker lists every broker as running and with the type that it reports itself, and no other node.
 * @param rows the nodes that the broker lists
 * @param wanted the brokers' names
 * @param ownTypes the node types that the answering brokers report for themselves
 */
export function judgeMembers(
  rows: readonly NodeRow[],
  wanted: readonly string[],
  ownTypes: ReadonlyMap<string, string>,
): Verdict {
  const problems: Verdict[] = [];
  for (const name of wanted) {
    const row = rows.find((each) => shortHostName(each.name) === name);
    const own = ownTypes.get(name);
    if (row === undefined) problems.push(fail(`${name} is not a member`, brokerMemberName(name)));
    else if (!row.running) problems.push(fail(`${name} does not run`, brokerServiceName(name)));
    else if (own !== undefined && row.type !== own) {
      problems.push(
        fail(
          `${name} is listed as type ${row.type ?? "unknown"}, but reports itself as ${own}`,
          brokerMemberName(name),
        ),
      );
    }
  }
  const otherMembers = rows.map(({ name }) => shortHostName(name)).filter((name) => !wanted.includes(name));
  for (const name of otherMembers)
    problems.push(
      needsOperator(
        `${name} is a member but not one of the stack's brokers`,
        `stop it, then run "rabbitmqctl forget_cluster_node rabbit@${name}" on a broker`,
      ),
    );
  const list = rows.map(
    ({ name, type, running }) => `${shortHostName(name)} ${running ? (type ?? "of unknown type") : "down"}`,
  );
  return combineVerdicts(problems, list.join(", "));
}

/** Checks that each running node reports its partitions, and reports none. */
export function judgePartitions(rows: readonly NodeRow[]): Verdict {
  const problems: Verdict[] = [];
  for (const { name, running, partitions } of rows) {
    const node = shortHostName(name);
    if (partitions !== undefined && partitions.length > 0) {
      const others = partitions.map(shortHostName).join(", ");
      const advice = `repair the network between ${node} and ${others}; if it works, restart rabbitmq-server on ${node}`;
      problems.push(needsOperator(`${node} is cut off from ${others}, expected no partition`, advice));
    } else if (running && partitions === undefined) {
      problems.push(
        fail(`${node} reports no statistics, so its partitions are unknown`, brokerPluginsName(node)),
      );
    }
  }
  return combineVerdicts(problems, "none");
}

/** No resource can repair an alarm: the host is short of memory or disk, or its settings are for a larger host. */
export function judgeAlarms({ status, reason, alarms = [] }: z.infer<typeof alarmReport>): Verdict {
  if (status === "ok") return pass("none");
  const resources = [...new Set(alarms.map(({ resource }) => resource))];
  if (resources.length === 0) return fail(reason ?? `status ${status}`);
  return needsOperator(
    `alarm in force: ${resources.join(", ")}; publishers are blocked until it clears`,
    `free ${resources.join(" and ")} on the host, or set another limit in rabbitmq.settings`,
  );
}

export function judgeClusterName(found: string, wanted: string): Verdict {
  if (found === wanted) return pass(found);
  return fail(`found ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`, clusterNameStepName);
}

/** Checks that the virtual host `/` has the policy with this pattern and exactly this definition. */
export function judgePolicy(
  rows: readonly z.infer<typeof policyRow>[],
  wanted: System["policy"],
  queues: System["queues"] = "mirrored",
): Verdict {
  const resource = policySetStepName(queues);
  const ownRows = rows.filter(({ vhost }) => vhost === "/");
  const row = ownRows.find(({ name }) => name === wanted.name);
  if (row === undefined) {
    const others = ownRows.map(({ name }) => name).join(", ");
    return fail(`the policy ${wanted.name} is missing; found: ${others === "" ? "none" : others}`, resource);
  }
  const problems: Verdict[] = [];
  if (row.pattern !== wanted.pattern) {
    problems.push(fail(`pattern ${row.pattern}, expected ${wanted.pattern}`, resource));
  }
  if (!isDeepStrictEqual(row.definition, wanted.definition)) {
    const [found, expected] = [row.definition, wanted.definition].map((definition) =>
      JSON.stringify(definition),
    );
    problems.push(fail(`definition ${found ?? ""}, expected ${expected ?? ""}`, resource));
  }
  return combineVerdicts(
    problems,
    `${wanted.name} on ${wanted.pattern}: ${JSON.stringify(wanted.definition)}`,
  );
}

/** A row of /api/feature-flags. */
export const featureRow = z.object({ name: z.string(), state: z.string() });

/**
 * Checks that the brokers have the same feature flags enabled. A broker without a flag refuses what needs it, such as
 * quorum queues, and only on that broker.
 * @param views by broker that answered: its feature flags
 */
export function judgeFeatureFlags(
  views: ReadonlyMap<string, readonly z.infer<typeof featureRow>[]>,
): Verdict {
  const enabled = new Map<string, string[]>();
  for (const [broker, rows] of views) {
    for (const { name, state } of rows) {
      const owners = enabled.get(name) ?? [];
      enabled.set(name, state === "enabled" ? [...owners, broker] : owners);
    }
  }
  const problems: Verdict[] = [];
  const disabled: string[] = [];
  for (const [flag, owners] of enabled) {
    if (owners.length === 0) disabled.push(flag);
    for (const broker of views.keys()) {
      if (owners.length === 0 || owners.includes(broker)) continue;
      problems.push(
        fail(
          `${broker} lacks the flag ${flag}, which is enabled on ${owners.join(", ")}`,
          brokerMemberName(broker),
        ),
      );
    }
  }
  const rest = disabled.length === 0 ? "" : `; disabled: ${disabled.join(", ")}`;
  return combineVerdicts(problems, `${String(enabled.size - disabled.length)} enabled${rest}`);
}

/** The password of the default user guest is public. */
export function judgeUsers(names: readonly string[], administrators: readonly string[]): Verdict {
  if (!administrators.includes("guest") && names.includes("guest")) {
    return fail("the user guest exists, expected it to be deleted", adminStepName);
  }
  const missing = administrators.filter((name) => !names.includes(name));
  if (missing.length > 0) return fail(`the administrator ${missing.join(", ")} is missing`, adminStepName);
  return pass(`users: ${names.join(", ")}`);
}
