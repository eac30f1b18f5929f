/** Judges what the program on a host finds there: changed files, and what the watch has heard of the broker. */
import { interNodeWords } from "../../hosts/inter-node.ts";
import { z } from "zod";
import { parseJson } from "../../json.ts";
import { restartAdvice } from "./broker-settings.ts";
import { combineVerdicts, fail, needsOperator, pass, type Verdict } from "../finding.ts";
import type { Expected } from "../outputs.ts";
import {
  brokerAgentName,
  brokerCookieName,
  brokerInterNodeName,
  brokerWatchName,
  haproxyServiceName,
  keepalivedServiceName,
} from "../../hosts/resource-names.ts";

/** The answer of `rabbitmq-ha findings` (agent/steps/findings.py). */
const answer = z.object({
  files: z.array(z.object({ path: z.string(), resource: z.string(), fault: z.string() })),
  /** Whether the broker runs with other files than those on disk, which are as they were written. */
  unread: z.boolean().optional(),
  passedOver: z.boolean().nullish(),
  /** `khepri` where the cluster's tables are in Khepri, which has no use for `cluster_partition_handling`. */
  partitionHandling: z.string().nullish(),
  /** With Khepri: whether a majority of the members answers the broker. */
  hasMajority: z.boolean().nullish(),
  /** Whether the running broker speaks TLS with the others; null where none runs. */
  interNodeTls: z.boolean().nullish(),
  /** Whether a full stop is under way, in which the broker does not start. */
  isFullStop: z.boolean().optional(),
});
export type HostFindings = Readonly<z.infer<typeof answer>>;

/** @returns undefined where the program has not said anything, as that of an earlier release */
export function parseHostFindings(text: string): HostFindings | undefined {
  const json = /^Findings=(.*)$/m.exec(text)?.[1];
  if (json === undefined) return undefined;
  return answer.safeParse(parseJson(json)).data;
}

/** @returns the service that may have read a resource's file, and whose re-run has it read the restored one */
function serviceOf(name: string, resource: string): string[] {
  const services = [haproxyServiceName, keepalivedServiceName, brokerWatchName, brokerAgentName];
  return services
    .map((nameOf) => nameOf(name))
    .filter((service) => resource.startsWith(service.replace(/service$/, "")));
}

/**
 * Each file is named with the resource that writes it, whose re-run restores it. A broker reads its files at its start
 * alone, and a repair never restarts one that serves.
 */
export function judgeFiles(name: string, found: HostFindings | undefined): Verdict {
  if (found === undefined) return pass("not checked: the host has no note of its files yet");
  const problems = found.files.map(({ path, resource, fault }) => {
    const words =
      fault === "differs" ? `differs from what ${resource} wrote` : `${fault}; ${resource} wrote it`;
    // The cookie is not written while its broker runs; a repair writes it before it starts a stopped broker.
    if (resource === brokerCookieName(name)) {
      const advice = `stop rabbitmq-server on ${name}, once all other brokers serve, and repair again, which starts it`;
      return needsOperator(`${path} ${words}`, advice);
    }
    return fail(`${path} ${words}`, resource, ...serviceOf(name, resource));
  });
  if (found.unread === true)
    problems.push(
      needsOperator("rabbitmq-server runs with other settings than those in its files", restartAdvice(name)),
    );
  return combineVerdicts(problems, "as they were written");
}

/** Judges how a broker speaks with the others: those that speak otherwise do not see it. */
export function judgeInterNode(name: string, found: HostFindings | undefined, byTls: boolean): Verdict {
  const is = found?.interNodeTls;
  if (found?.isFullStop === true)
    return needsOperator(
      `a full stop is under way, so ${name}'s broker does not start`,
      "complete it: npm run up -- --full-stop",
    );
  if (typeof is !== "boolean") return pass("not checked: no broker runs, or the host does not say");
  if (is === byTls) return pass(`speaks ${interNodeWords(is)} with the other brokers`);
  return fail(
    `speaks ${interNodeWords(is)} with the other brokers, expected ${interNodeWords(byTls)}`,
    brokerInterNodeName(name),
  );
}

/**
 * Judges what the watch has last heard of its broker. It restarts a broker that the others pass over by itself, if
 * nothing prevents it.
 */
export function judgeWatch(
  name: string,
  { passedOver, partitionHandling, hasMajority }: Partial<HostFindings>,
  expected: Pick<Expected, "partitionHandling"> | undefined,
): Verdict {
  const problems: Verdict[] = [];
  if (passedOver === true) {
    problems.push(
      needsOperator(
        `${name} serves, and the others no longer tell it what they change`,
        `wait a minute for the watch on ${name} to restart it; if that does not help, restart rabbitmq-server there`,
      ),
    );
  }
  if (hasMajority === false) {
    problems.push(
      needsOperator(
        `no majority of the cluster's members answers ${name}: nothing can be declared or changed there, and it accepts no connections while it is cut off`,
        "start the others; if most of them are gone for good, see docs/stop-and-start.md",
      ),
    );
  }
  if (partitionHandling === "khepri")
    return combineVerdicts(problems, "its broker has a majority of the cluster's members; Khepri");
  if (typeof partitionHandling !== "string") return combineVerdicts(problems, "has not heard its broker yet");
  if (expected !== undefined && partitionHandling !== expected.partitionHandling) {
    const found = `${name} runs with cluster_partition_handling ${partitionHandling}, expected ${expected.partitionHandling}`;
    problems.push(needsOperator(found, restartAdvice(name)));
  }
  return combineVerdicts(problems, `its broker is told of all changes; ${partitionHandling}`);
}
