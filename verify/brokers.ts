/** Asks every broker's own management API how it sees the cluster. */
import { z } from "zod";
import { type Finding, look } from "./finding.ts";
import { type Api, anyOf } from "./http.ts";
import * as members from "./members.ts";
import type { System } from "./outputs.ts";
import { until } from "./patience.ts";

/** Seconds: what a broker says of its partitions is up to 5 s old, by its collect_statistics_interval. */
const statisticsAge = 6.5;

const nodesPath = "/api/nodes?columns=name,type,running,partitions";

export async function examineBrokers(system: System, apis: readonly Api[]): Promise<Finding[]> {
  const views = apis.map((api) => ({ api, nodes: api.get(nodesPath, z.array(members.nodeRow)) }));
  const ownTypes = new Map<string, string>();
  for (const [index, view] of (await Promise.allSettled(views.map(({ nodes }) => nodes))).entries()) {
    const name = system.brokers[index]?.name ?? "";
    const own =
      view.status === "fulfilled"
        ? view.value.find((row) => members.shortName(row.name) === name)
        : undefined;
    if (own?.type !== undefined) ownTypes.set(name, own.type);
  }
  const names = system.brokers.map(({ name }) => name);
  const each = (
    check: string,
    judge: (view: (typeof views)[number]) => ReturnType<Parameters<typeof look>[3]>,
  ) =>
    views.map((view) =>
      look(check, view.api.broker.name, [`${view.api.broker.name}-service`], () => judge(view)),
    );

  return Promise.all([
    ...each("members", async ({ nodes }) => members.judgeMembers(await nodes, names, ownTypes)),
    ...each("partitions", async ({ api, nodes }) => {
      let first: typeof nodes | undefined = nodes;
      const ask = async (): Promise<ReturnType<typeof members.judgePartitions>> => {
        const rows = await (first ?? api.get(nodesPath, z.array(members.nodeRow)));
        first = undefined;
        return members.judgePartitions(rows);
      };
      return until({ seconds: statisticsAge, between: 500 }, ask, ({ whole }) => whole);
    }),
    ...each("alarms", async ({ api }) =>
      members.judgeAlarms(await api.get("/api/health/checks/local-alarms", members.alarmReport, [200, 503])),
    ),
    ...each("cluster name", async ({ api }) => {
      const { name } = await api.get("/api/cluster-name", z.object({ name: z.string() }));
      return members.judgeName(name, system.clusterName);
    }),
    ...each("policy", async ({ api }) =>
      members.judgePolicy(await api.get("/api/policies", z.array(members.policyRow)), system.policy),
    ),
    look("users", "cluster", ["cluster-admin"], async () => {
      const rows = await (
        await anyOf(apis)
      ).get("/api/users?columns=name", z.array(z.object({ name: z.string() })));
      return members.judgeUsers(
        rows.map(({ name }) => name),
        system.adminUser,
      );
    }),
  ]);
}
