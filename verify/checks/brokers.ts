/** Checks the cluster as each broker's management API reports it. */
import { z } from "zod";
import { judgeSettings, nodeSettings, nodeSettingsColumns } from "./broker-settings.ts";
import { type Finding, runCheck, type Verdict } from "../finding.ts";
import { type ManagementApi, attributeTimeouts, type ClusterClient } from "../management.ts";
import { shortHostName } from "../../hosts/node-name.ts";
import * as members from "./members.ts";
import { pollUntil } from "../polling.ts";
import { nodeStatisticsSeconds } from "../statistics-age.ts";
import { judgeVersions, runningVersion } from "./versions.ts";
import { adminStepName, brokerServiceName } from "../../hosts/resource-names.ts";

/** A row of /api/nodes. */
const nodeRow = members.nodeRow.extend(nodeSettings.shape);
type NodeRow = z.infer<typeof nodeRow>;

/** @returns the nodes that one broker lists; it asks every member, so one that does not answer delays it */
function listNodes(api: ManagementApi): Promise<NodeRow[]> {
  return api.get(`/api/nodes?columns=name,type,running,partitions,${nodeSettingsColumns}`, z.array(nodeRow));
}

export async function examineBrokers(cluster: ClusterClient): Promise<Finding[]> {
  const { system, apis } = cluster;
  const { expected } = system;
  const names = system.brokers.map(({ name }) => name);
  const views = apis.map((api) => ({ api, nodes: listNodes(api) }));
  const ownTypes = collectOwnTypes(views);
  const each = (check: string, judge: (view: BrokerView) => Promise<Verdict>): Promise<Finding>[] =>
    views.map((view) => {
      const { name } = view.api.broker;
      return runCheck(check, name, attributeTimeouts(cluster, [brokerServiceName(name)], name), () =>
        judge(view),
      );
    });

  return Promise.all([
    ...each("members", async ({ nodes }) => members.judgeMembers(await nodes, names, await ownTypes)),
    ...each("partitions", (view) => judgeStatistics(view, members.judgePartitions)),
    ...(expected === undefined
      ? []
      : each("settings", (view) =>
          judgeStatistics(view, (rows) =>
            judgeSettings(view.api.broker.name, ownRow(view.api, rows) ?? {}, expected),
          ),
        )),
    ...each("alarms", async ({ api }) =>
      members.judgeAlarms(await api.get("/api/health/checks/local-alarms", members.alarmReport, [200, 503])),
    ),
    ...each("cluster name", async ({ api }) =>
      members.judgeClusterName(await api.clusterName(), system.clusterName),
    ),
    ...each("policy", async ({ api }) =>
      members.judgePolicy(
        await api.get("/api/policies", z.array(members.policyRow)),
        system.policy,
        system.queues,
      ),
    ),
    runCheck("feature flags", "cluster", [], async () =>
      members.judgeFeatureFlags(
        await askEach(apis, (api) => api.get("/api/feature-flags", z.array(members.featureRow))),
      ),
    ),
    runCheck("versions", "cluster", [], async () => judgeVersions(await askEach(apis, runningVersion))),
    runCheck("users", "cluster", [adminStepName], async () => {
      const api = await cluster.firstToAnswer;
      const rows = await api.get("/api/users?columns=name", z.array(z.object({ name: z.string() })));
      const users = rows.map(({ name }) => name);
      return members.judgeUsers(users, system.administrators ?? [system.adminUser]);
    }),
  ]);
}

/** @returns what each broker answers, by its name; other checks report the brokers that do not answer */
async function askEach<Answer>(
  apis: readonly ManagementApi[],
  ask: (api: ManagementApi) => Promise<Answer>,
): Promise<Map<string, Answer>> {
  const requests = apis.map(async (api) => [api.broker.name, await ask(api)] as const);
  await Promise.any(requests);
  const answers = await Promise.allSettled(requests);
  return new Map(answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : [])));
}

interface BrokerView {
  readonly api: ManagementApi;
  readonly nodes: Promise<readonly NodeRow[]>;
}

/** @returns what a broker lists of itself */
function ownRow({ broker }: ManagementApi, rows: readonly NodeRow[]): NodeRow | undefined {
  return rows.find((row) => shortHostName(row.name) === broker.name);
}

/** @returns each answering broker's node type, as the broker itself reports it */
async function collectOwnTypes(views: readonly BrokerView[]): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  for (const { api, nodes } of views) {
    const rows = await nodes.catch(() => []);
    const type = ownRow(api, rows)?.type;
    if (type !== undefined) types.set(api.broker.name, type);
  }
  return types;
}

/** Repeats the judgement for as long as the reported statistics may be out of date. */
function judgeStatistics(
  { api, nodes }: BrokerView,
  judge: (rows: readonly NodeRow[]) => Verdict,
): Promise<Verdict> {
  let firstAnswer: BrokerView["nodes"] | undefined = nodes;
  const ask = async (): Promise<Verdict> => {
    const rows = await (firstAnswer ?? listNodes(api));
    firstAnswer = undefined;
    return judge(rows);
  };
  return pollUntil({ timeoutSeconds: nodeStatisticsSeconds, intervalMs: 500 }, ask, ({ ok }) => ok);
}
