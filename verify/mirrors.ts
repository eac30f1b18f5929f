/** What the policy asks of a queue, and whether a queue has it. */
import { z } from "zod";
import { broken, unmendable, type Verdict, verdict, whole } from "./finding.ts";
import { shortName } from "./members.ts";
import { brokerServiceName, policySetName } from "../hosts/resource-names.ts";

/** What the management API says of a queue; its mirrors are there without delay, as the cluster itself has them. */
export const queueRow = z.object({
  node: z.string().optional(),
  type: z.string().optional(),
  slave_nodes: z.array(z.string()).optional(),
  synchronised_slave_nodes: z.array(z.string()).optional(),
});
export type QueueRow = Readonly<z.infer<typeof queueRow>>;

/**
 * @param pattern of the policy, a regular expression
 * @param plain a name that is free
 * @returns the name, or one that begins as the pattern wants it; undefined where neither falls under the policy
 */
export function nameUnder(pattern: string, plain: string): string | undefined {
  let falls: (name: string) => boolean;
  try {
    const expression = new RegExp(pattern);
    falls = (name) => expression.test(name);
  } catch {
    // RabbitMQ's expressions (PCRE) know a little more than JavaScript's.
    return undefined;
  }
  const prefix = /^\^((?:[\w-]|\\[.-])*)/.exec(pattern)?.[1]?.replaceAll("\\", "") ?? "";
  return [plain, `${prefix}${plain}`].find(falls);
}

/** Which mirrors a definition asks for, beside the queue's leader (https://www.rabbitmq.com/docs/3.13/ha). */
interface Wanted {
  /** How many, at least. */
  readonly count: number;
  /** Which ones, where it matters. */
  readonly names: readonly string[];
}

function wantedMirrors(
  definition: Readonly<Record<string, unknown>>,
  brokers: readonly string[],
  leader: string,
): Wanted | undefined {
  const params = definition["ha-params"];
  const others = brokers.filter((name) => name !== leader);
  switch (definition["ha-mode"]) {
    case "all":
      return { count: others.length, names: others };
    case "exactly":
      return { count: Math.min(Number(params), brokers.length) - 1, names: [] };
    case "nodes": {
      const listed = Array.isArray(params) ? params.map(String).map(shortName) : [];
      const names = others.filter((name) => listed.includes(name));
      return { count: names.length, names };
    }
    default:
      return undefined;
  }
}

/** @returns whether the queue has the mirrors that the policy asks for, each of them in sync */
export function judgeMirrors(
  queue: QueueRow,
  definition: Readonly<Record<string, unknown>>,
  brokers: readonly string[],
): Verdict {
  const leader = shortName(queue.node ?? "");
  const wanted = wantedMirrors(definition, brokers, leader);
  const place = `a queue (${queue.type ?? "of no type"}) on ${leader}`;
  if (wanted === undefined) return whole(`${place}; the policy asks for no mirrors`);
  const mirrors = (queue.slave_nodes ?? []).map(shortName).sort();
  const synchronised = (queue.synchronised_slave_nodes ?? []).map(shortName);
  const complaints: Verdict[] = [];
  for (const name of wanted.names) {
    if (!mirrors.includes(name)) complaints.push(broken(`no mirror on ${name}`, brokerServiceName(name)));
  }
  if (complaints.length === 0 && mirrors.length < wanted.count) {
    complaints.push(broken(`${mirrors.length} mirrors, expected ${wanted.count}`, policySetName));
  }
  for (const name of mirrors) {
    if (!synchronised.includes(name)) {
      const advice = "wait for it, or run rabbitmqctl sync_queue";
      complaints.push(unmendable(`the mirror on ${name} is not in sync`, advice));
    }
  }
  // Where there is not a single mirror, it is the policy and not one of the brokers.
  if (mirrors.length === 0 && wanted.count > 0) {
    return broken(`${place} has no mirrors, expected ${wanted.count} of them`, policySetName);
  }
  const judged = verdict(complaints, `${place}, in sync on ${mirrors.join(", ")}`);
  return judged.whole ? judged : { ...judged, detail: `${place}: ${judged.detail}` };
}
