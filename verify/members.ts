/** The cluster as each broker sees it. The brokers' words are fetched in brokers.ts and judged here. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { broken, unmendable, type Verdict, verdict, whole } from "./finding.ts";
import type { System } from "./outputs.ts";
import {
  adminName,
  brokerMemberName,
  brokerPluginsName,
  brokerServiceName,
  clusterNameName,
  policySetName,
} from "../hosts/resource-names.ts";

/** A row of /api/nodes. A node's statistics, its partitions among them, come up to 5 s later than the node itself. */
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
});

/** @returns the host's name in an Erlang node's name, `rabbit@cent120` */
export function shortName(node: string): string {
  return node.replace(/^[^@]*@/, "").replace(/\..*$/, "");
}

/**
 * Whether a broker's list has every broker, running and of the type that each one says it is, and nobody else.
 * @param rows what the broker lists
 * @param wanted the brokers' names
 * @param ownTypes what the brokers that answered say of themselves
 */
export function judgeMembers(
  rows: readonly NodeRow[],
  wanted: readonly string[],
  ownTypes: ReadonlyMap<string, string>,
): Verdict {
  const complaints: Verdict[] = [];
  for (const name of wanted) {
    const row = rows.find((each) => shortName(each.name) === name);
    const own = ownTypes.get(name);
    if (row === undefined) complaints.push(broken(`${name} is no member`, brokerMemberName(name)));
    else if (!row.running) complaints.push(broken(`${name} does not run`, brokerServiceName(name)));
    else if (own !== undefined && row.type !== own) {
      complaints.push(
        broken(
          `${name} is listed as ${row.type ?? "nothing"} and calls itself ${own}`,
          brokerMemberName(name),
        ),
      );
    }
  }
  const strangers = rows.map(({ name }) => shortName(name)).filter((name) => !wanted.includes(name));
  for (const name of strangers)
    complaints.push(
      unmendable(
        `${name} is a member and not among the stack's brokers`,
        `stop it, then run "rabbitmqctl forget_cluster_node rabbit@${name}" on a broker`,
      ),
    );
  const list = rows.map(
    ({ name, type, running }) => `${shortName(name)} ${running ? (type ?? "of no type") : "down"}`,
  );
  return verdict(complaints, list.join(", "));
}

/** @returns whether each running node's view is known and knows no partition */
export function judgePartitions(rows: readonly NodeRow[]): Verdict {
  const complaints: Verdict[] = [];
  for (const { name, running, partitions } of rows) {
    const node = shortName(name);
    if (partitions !== undefined && partitions.length > 0) {
      const others = partitions.map(shortName).join(", ");
      const advice = `heal the network between ${node} and ${others}; where it is well, restart rabbitmq-server on ${node}`;
      complaints.push(unmendable(`${node} is cut off from ${others}, expected no partition`, advice));
    } else if (running && partitions === undefined) {
      complaints.push(
        broken(
          `${node} gives no statistics, so whether it sees a partition is not known`,
          brokerPluginsName(node),
        ),
      );
    }
  }
  return verdict(complaints, "none");
}

/** No resource mends an alarm: the host is short of memory or disk, or its settings are for a larger one. */
export function judgeAlarms({ status, reason, alarms = [] }: z.infer<typeof alarmReport>): Verdict {
  if (status === "ok") return whole("none");
  const resources = [...new Set(alarms.map(({ resource }) => resource))];
  if (resources.length === 0) return broken(reason ?? `status ${status}`);
  return unmendable(
    `alarm in force: ${resources.join(", ")}; publishers are blocked until it clears`,
    `free ${resources.join(" and ")} on the host, or set another limit in rabbitmq.settings`,
  );
}

export function judgeName(found: string, wanted: string): Verdict {
  if (found === wanted) return whole(found);
  return broken(`found ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`, clusterNameName);
}

/** @returns whether the virtual host `/` has the policy, with this pattern and exactly this definition */
export function judgePolicy(rows: readonly z.infer<typeof policyRow>[], wanted: System["policy"]): Verdict {
  const resource = policySetName;
  const here = rows.filter(({ vhost }) => vhost === "/");
  const row = here.find(({ name }) => name === wanted.name);
  if (row === undefined) {
    const others = here.map(({ name }) => name).join(", ");
    return broken(`no policy ${wanted.name}; there is ${others === "" ? "none at all" : others}`, resource);
  }
  const complaints: Verdict[] = [];
  if (row.pattern !== wanted.pattern) {
    complaints.push(broken(`pattern ${row.pattern}, expected ${wanted.pattern}`, resource));
  }
  if (!isDeepStrictEqual(row.definition, wanted.definition)) {
    const [found, expected] = [row.definition, wanted.definition].map((definition) =>
      JSON.stringify(definition),
    );
    complaints.push(broken(`definition ${found ?? ""}, expected ${expected ?? ""}`, resource));
  }
  return verdict(complaints, `${wanted.name} on ${wanted.pattern}: ${JSON.stringify(wanted.definition)}`);
}

/** A row of /api/feature-flags. */
export const featureRow = z.object({ name: z.string(), state: z.string() });

/**
 * Whether the brokers have the same feature flags. One that lacks another's refuses what it is for, a quorum queue as
 * a rule, and only there.
 * @param views what each broker that answered lists
 */
export function judgeFeatures(views: ReadonlyMap<string, readonly z.infer<typeof featureRow>[]>): Verdict {
  const enabled = new Map<string, string[]>();
  for (const [broker, rows] of views) {
    for (const { name, state } of rows) {
      const on = enabled.get(name) ?? [];
      enabled.set(name, state === "enabled" ? [...on, broker] : on);
    }
  }
  const complaints: Verdict[] = [];
  const disabled: string[] = [];
  for (const [flag, on] of enabled) {
    if (on.length === 0) disabled.push(flag);
    for (const broker of views.keys()) {
      if (on.length === 0 || on.includes(broker)) continue;
      complaints.push(
        broken(`${broker} lacks ${flag}, which ${on.join(", ")} has`, brokerMemberName(broker)),
      );
    }
  }
  const rest = disabled.length === 0 ? "" : `; disabled: ${disabled.join(", ")}`;
  return verdict(complaints, `${String(enabled.size - disabled.length)} enabled${rest}`);
}

/** Everybody knows guest's password. */
export function judgeUsers(names: readonly string[], adminUser: string): Verdict {
  if (adminUser !== "guest" && names.includes("guest")) {
    return broken("the user guest is there, expected it to be deleted", adminName);
  }
  return whole(`users: ${names.join(", ")}`);
}
