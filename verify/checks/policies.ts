/** Checks which policy each queue of the users really has: in every virtual host, and beside other policies. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { matcherOf } from "../../hosts/policy-pattern.ts";
import { policySetStepName } from "../../hosts/resource-names.ts";
import { combineVerdicts, fail, type Finding, needsOperator, runCheck, type Verdict } from "../finding.ts";
import { attributeTimeouts, type ClusterClient } from "../management.ts";
import { policyRow } from "./members.ts";
import { wantedMirrors } from "./mirrors.ts";
import type { System } from "../outputs.ts";
import { type QueueOverview, queueOverview, queuesPath } from "../queue-overview.ts";
import { judgeQuorumMembers } from "./quorum.ts";

export type PolicyRow = Readonly<z.infer<typeof policyRow>>;

/** What the brokers say of queues and policies. */
export interface PolicyReport {
  readonly queues: readonly QueueOverview[];
  readonly policies: readonly PolicyRow[];
  readonly operatorPolicies: readonly PolicyRow[];
}

export async function examinePolicies(cluster: ClusterClient): Promise<Finding[]> {
  const { system } = cluster;
  const brokers = system.brokers.map(({ name }) => name);
  const ask = async <T>(path: string, shape: z.ZodType<T>): Promise<T[]> =>
    (await cluster.firstToAnswer).get(path, z.array(shape));
  const queues = ask(queuesPath, queueOverview);
  const onFailure = attributeTimeouts(cluster, []);
  return Promise.all([
    runCheck("policy", "all queues", onFailure, async () => {
      const [rows, policies, operatorPolicies] = await Promise.all([
        queues,
        ask("/api/policies", policyRow),
        ask("/api/operator-policies", policyRow),
      ]);
      return judgePolicyCoverage(
        { queues: rows, policies, operatorPolicies },
        system.policy,
        brokers,
        system.queues,
      );
    }),
    runCheck("members", "quorum queues", onFailure, async () => judgeQuorumMembers(await queues, brokers)),
  ]);
}

function isClassic({ type = "classic" }: QueueOverview): boolean {
  return type === "classic";
}

/** A word for a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @returns such as `3 queues, such as "orders"` */
function countQueues(queues: readonly QueueOverview[]): string {
  const example = JSON.stringify(queues[0]?.name ?? "");
  return queues.length === 1 ? `the queue ${example}` : `${queues.length} queues, such as ${example}`;
}

/**
 * Checks that no other policy takes the mirrors away from a queue that the stack's policy is for, and that each virtual
 * host with such queues has the policy. That the policy of `/` is right is checked elsewhere (`judgePolicy`).
 */
export function judgePolicyCoverage(
  { queues, policies, operatorPolicies }: PolicyReport,
  wanted: System["policy"],
  brokers: readonly string[],
  kind?: System["queues"],
): Verdict {
  // Of a pattern that only RabbitMQ reads, the queues that have the policy are known.
  const matches = matcherOf(wanted.pattern);
  const isFor = (queue: QueueOverview): boolean => matches?.(queue.name) ?? queue.policy === wanted.name;
  const wantsMirrors = wanted.definition["ha-mode"] !== undefined;
  // The queue of a broker that is down shows no policy, and an exclusive queue is never mirrored.
  const concerned = queues.filter(
    (queue) =>
      queue.exclusive !== true &&
      queue.state !== "down" &&
      isFor(queue) &&
      (!wantsMirrors || isClassic(queue)),
  );
  const vhosts = [...new Set(concerned.map(({ vhost }) => vhost))].sort();
  const problems = vhosts.flatMap((vhost): Verdict[] => {
    const own = concerned.filter((queue) => queue.vhost === vhost);
    const listed = policies.filter((policy) => policy.vhost === vhost);
    if (!listed.some(({ name }) => name === wanted.name)) {
      const bare = own.filter((queue) =>
        wantsMirrors ? queue.slave_nodes === undefined : (queue.policy ?? "") === "",
      );
      return vhost === "/" || bare.length === 0 ? [] : [missingPolicy(vhost, wanted, bare, kind)];
    }
    if (!wantsMirrors) return [];
    const operator = operatorPolicies.filter((policy) => policy.vhost === vhost);
    return overridden({ vhost, queues: own, policies: listed, operatorPolicies: operator }, wanted, brokers);
  });
  const unsure =
    matches === undefined ? `; only RabbitMQ knows whether ${wanted.pattern} matches others` : "";
  const seen = `${wanted.name} or its like on ${concerned.length} queues of the users`;
  return combineVerdicts(problems, seen + unsure);
}

/** The watch on a broker's host sets it within a minute; the step sets it at once. */
function missingPolicy(
  vhost: string,
  wanted: System["policy"],
  queues: readonly QueueOverview[],
  kind: System["queues"] = "mirrored",
): Verdict {
  return fail(
    `the virtual host ${vhost} has no policy ${wanted.name}, and ${countQueues(queues)} there have none of its like`,
    policySetStepName(kind),
  );
}

/** Whether a policy of the stack's name is not the stack's, which in / it always is. */
function isSomebodyElses({ vhost, definition }: PolicyRow, wanted: System["policy"]): boolean {
  return vhost !== "/" && !isDeepStrictEqual(definition, wanted.definition);
}

interface VirtualHost extends PolicyReport {
  readonly vhost: string;
}

/** @returns a problem for each policy that leaves queues of a virtual host without mirrors */
function overridden(
  { vhost, queues, policies, operatorPolicies }: VirtualHost,
  wanted: System["policy"],
  brokers: readonly string[],
): Verdict[] {
  const mirrorless = ({ definition }: PolicyRow): boolean =>
    (wantedMirrors(definition, brokers, brokers[0] ?? "")?.count ?? 0) < 1;
  const bare = queues.filter(({ slave_nodes: mirrors = [] }) => mirrors.length === 0);
  const others = policies.filter(
    (policy) => (policy.name !== wanted.name || isSomebodyElses(policy, wanted)) && mirrorless(policy),
  );
  // One that says nothing of mirrors leaves them as they are.
  const byOperator = operatorPolicies
    .filter((policy) => policy.definition["ha-mode"] !== undefined && mirrorless(policy))
    .sort((one, other) => (other.priority ?? 0) - (one.priority ?? 0));
  const taken = (
    policy: PolicyRow,
    kind: "policy" | "operator policy",
    from: readonly QueueOverview[],
    leaves = "leaves",
  ): Verdict[] => {
    if (from.length === 0) return [];
    const clear = `rabbitmqctl clear_${kind.replace(" ", "_")} -p ${quote(vhost)} ${quote(policy.name)}`;
    return [
      needsOperator(
        `the ${kind} ${policy.name} (priority ${policy.priority ?? 0}) of the virtual host ${vhost} ${leaves} ${countQueues(from)} without mirrors`,
        policy.name === wanted.name && kind === "policy"
          ? `it is not the stack's; give it an ha-mode, or clear it, and the stack's takes its place: ${clear}`
          : `give it the ha-mode of ${wanted.name}, or clear it: ${clear}`,
      ),
    ];
  };
  const unread = byOperator.filter(({ pattern }) => matcherOf(pattern) === undefined);
  // These queues have no mirrors, so a policy of which only RabbitMQ knows whether it is for them is named if no other one is.
  const operatorOf = ({ name }: QueueOverview): PolicyRow | undefined =>
    byOperator.find(({ pattern }) => matcherOf(pattern)?.(name) === true) ?? unread[0];
  return [
    ...others.flatMap((policy) =>
      taken(
        policy,
        "policy",
        bare.filter((queue) => queue.policy === policy.name),
      ),
    ),
    ...byOperator.flatMap((policy) =>
      taken(
        policy,
        "operator policy",
        bare.filter((queue) => queue.policy === wanted.name && operatorOf(queue) === policy),
        unread.includes(policy) ? "may be what leaves" : "leaves",
      ),
    ),
  ];
}
