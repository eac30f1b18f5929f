/** Asks every broker's own management API how it sees the cluster. */
import { z } from "zod";
import { type Finding, look, type Verdict } from "./finding.ts";
import { type Api, blameSilent, type Cluster } from "./management.ts";
import * as members from "./members.ts";
import { until } from "./patience.ts";
import { adminName, brokerServiceName } from "../hosts/resource-names.ts";

/** Seconds: what a broker says of its partitions is up to 5 s old, by its collect_statistics_interval. */
const statisticsAge = 6.5;

/** What one broker lists. It asks every member for it, so a silent one makes it late. */
function nodesOf(api: Api): Promise<members.NodeRow[]> {
  return api.get("/api/nodes?columns=name,type,running,partitions", z.array(members.nodeRow));
}

export async function examineBrokers(cluster: Cluster): Promise<Finding[]> {
  const { system, apis } = cluster;
  const names = system.brokers.map(({ name }) => name);
  const views = apis.map((api) => ({ api, nodes: nodesOf(api) }));
  const ownTypes = ownTypesOf(views);
  const each = (check: string, judge: (view: View) => Promise<Verdict>): Promise<Finding>[] =>
    views.map((view) => {
      const { name } = view.api.broker;
      return look(check, name, blameSilent(cluster, [brokerServiceName(name)], name), () => judge(view));
    });

  return Promise.all([
    ...each("members", async ({ nodes }) => members.judgeMembers(await nodes, names, await ownTypes)),
    ...each("partitions", partitions),
    ...each("alarms", async ({ api }) =>
      members.judgeAlarms(await api.get("/api/health/checks/local-alarms", members.alarmReport, [200, 503])),
    ),
    ...each("cluster name", async ({ api }) =>
      members.judgeName(await api.clusterName(), system.clusterName),
    ),
    ...each("policy", async ({ api }) =>
      members.judgePolicy(await api.get("/api/policies", z.array(members.policyRow)), system.policy),
    ),
    look("feature flags", "cluster", [], async () => members.judgeFeatures(await features(apis))),
    look("users", "cluster", [adminName], async () => {
      const api = await cluster.any;
      const rows = await api.get("/api/users?columns=name", z.array(z.object({ name: z.string() })));
      const users = rows.map(({ name }) => name);
      return members.judgeUsers(users, system.adminUser);
    }),
  ]);
}

/** What each broker that answers lists; the others have findings of their own. */
async function features(apis: readonly Api[]): Promise<Map<string, z.infer<typeof members.featureRow>[]>> {
  const asked = apis.map(async (api) => {
    const rows = await api.get("/api/feature-flags", z.array(members.featureRow));
    return [api.broker.name, rows] as const;
  });
  await Promise.any(asked);
  const answers = await Promise.allSettled(asked);
  return new Map(answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : [])));
}

interface View {
  readonly api: Api;
  readonly nodes: Promise<readonly members.NodeRow[]>;
}

/** @returns the type that each broker which answers gives itself */
async function ownTypesOf(views: readonly View[]): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  for (const { api, nodes } of views) {
    const rows = await nodes.catch(() => []);
    const type = rows.find((row) => members.shortName(row.name) === api.broker.name)?.type;
    if (type !== undefined) types.set(api.broker.name, type);
  }
  return types;
}

/** Asks again for as long as a partition may be one of the past. */
function partitions({ api, nodes }: View): Promise<Verdict> {
  let known: View["nodes"] | undefined = nodes;
  const ask = async (): Promise<Verdict> => {
    const rows = await (known ?? nodesOf(api));
    known = undefined;
    return members.judgePartitions(rows);
  };
  return until({ seconds: statisticsAge, between: 500 }, ask, ({ whole }) => whole);
}
