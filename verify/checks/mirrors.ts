/** Checks whether a queue has the mirrors that the policy asks for. */
import { z } from "zod";
import { fail, needsOperator, type Verdict, combineVerdicts, pass } from "../finding.ts";
import { shortHostName } from "../../hosts/node-name.ts";
import { matcherOf } from "../../hosts/policy-pattern.ts";
import { brokerServiceName, policySetStepName } from "../../hosts/resource-names.ts";

/** A queue in the management API. Its mirrors come from the cluster's own tables, so they are never out of date. */
export const queueRow = z.object({
  /** Absent where there is no such queue. */
  name: z.string().optional(),
  /** The leader's node. Of a quorum queue RabbitMQ 3.10 has it from statistics, some seconds later. */
  node: z.string().optional(),
  type: z.string().optional(),
  slave_nodes: z.array(z.string()).optional(),
  synchronised_slave_nodes: z.array(z.string()).optional(),
  /** Of a quorum queue. */
  members: z.array(z.string()).optional(),
});
export type QueueRow = Readonly<z.infer<typeof queueRow>>;

/**
 * @param pattern the policy's regular expression
 * @param unusedName an unused queue name
 * @returns the name, or the name with the prefix that the pattern asks for; undefined where neither matches for sure
 */
export function findMatchingName(pattern: string, unusedName: string): string | undefined {
  const matches = matcherOf(pattern);
  if (matches === undefined) return undefined;
  const prefix = /^\^((?:[\w-]|\\[.-])*)/.exec(pattern)?.[1]?.replaceAll("\\", "") ?? "";
  return [unusedName, `${prefix}${unusedName}`].find(matches);
}

/** The mirrors that a definition asks for, without the queue's leader (https://www.rabbitmq.com/docs/3.13/ha). */
interface WantedMirrors {
  /** The minimum number of mirrors. */
  readonly count: number;
  /** The brokers that must have a mirror; empty where any will do. */
  readonly names: readonly string[];
}

export function wantedMirrors(
  definition: Readonly<Record<string, unknown>>,
  brokers: readonly string[],
  leader: string,
): WantedMirrors | undefined {
  const params = definition["ha-params"];
  const others = brokers.filter((name) => name !== leader);
  switch (definition["ha-mode"]) {
    case "all":
      return { count: others.length, names: others };
    case "exactly":
      return { count: Math.min(Number(params), brokers.length) - 1, names: [] };
    case "nodes": {
      const listed = Array.isArray(params) ? params.map(String).map(shortHostName) : [];
      const names = others.filter((name) => listed.includes(name));
      return { count: names.length, names };
    }
    default:
      return undefined;
  }
}

/** Checks that the queue has the mirrors that the policy asks for, all of them in sync. */
export function judgeMirrors(
  queue: QueueRow,
  definition: Readonly<Record<string, unknown>>,
  brokers: readonly string[],
): Verdict {
  const leader = shortHostName(queue.node ?? "");
  const wanted = wantedMirrors(definition, brokers, leader);
  const place = `a queue (${queue.type ?? "of unknown type"}) on ${leader}`;
  if (wanted === undefined) return pass(`${place}; the policy asks for no mirrors`);
  const mirrors = (queue.slave_nodes ?? []).map(shortHostName).sort();
  const synchronised = (queue.synchronised_slave_nodes ?? []).map(shortHostName);
  const problems: Verdict[] = [];
  for (const name of wanted.names) {
    if (!mirrors.includes(name)) problems.push(fail(`no mirror on ${name}`, brokerServiceName(name)));
  }
  if (problems.length === 0 && mirrors.length < wanted.count) {
    problems.push(fail(`${mirrors.length} mirrors, expected ${wanted.count}`, policySetStepName("mirrored")));
  }
  for (const name of mirrors) {
    if (!synchronised.includes(name)) {
      const advice = "wait until it is, or run rabbitmqctl sync_queue";
      problems.push(needsOperator(`the mirror on ${name} is not in sync`, advice));
    }
  }
  // If there is not a single mirror, the policy is at fault, not a broker.
  if (mirrors.length === 0 && wanted.count > 0) {
    return fail(`${place} has no mirrors, expected ${wanted.count} of them`, policySetStepName("mirrored"));
  }
  const judged = combineVerdicts(problems, `${place}, in sync on ${mirrors.join(", ")}`);
  return judged.ok ? judged : { ...judged, detail: `${place}: ${judged.detail}` };
}
