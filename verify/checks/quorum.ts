/** Checks whether each quorum queue has as many members as it should. */
import { brokerServiceName, policySetStepName } from "../../hosts/resource-names.ts";
import { combineVerdicts, fail, needsOperator, pass, type Verdict } from "../finding.ts";
import { shortHostName } from "../../hosts/node-name.ts";
import type { QueueRow } from "./mirrors.ts";
import type { QueueOverview } from "../queue-overview.ts";

/** RabbitMQ gives a quorum queue three members, unless the queue's own argument says otherwise. */
const defaultSize = 3;

function wantedSize({ arguments: given }: QueueOverview, brokers: number): number {
  const stated: unknown =
    typeof given === "object" && given !== null
      ? (given as Record<string, unknown>)["x-quorum-initial-group-size"]
      : undefined;
  return Math.min(typeof stated === "number" ? stated : defaultSize, brokers);
}

/** Checks that each quorum queue has its members among the stack's brokers. */
export function judgeQuorumMembers(queues: readonly QueueOverview[], brokers: readonly string[]): Verdict {
  const quorum = queues.filter(({ type, members }) => type === "quorum" && members !== undefined);
  const short = quorum.flatMap((queue) => {
    const members = (queue.members ?? []).map(shortHostName).filter((name) => brokers.includes(name));
    const wanted = wantedSize(queue, brokers.length);
    return members.length < wanted ? [{ queue, members, wanted }] : [];
  });
  // All of one kind in one sentence: there may be thousands of them.
  const kinds = Map.groupBy(short, ({ members, wanted }) => `${members.sort().join(", ")} ${wanted}`);
  const problems = [...kinds.values()].flatMap((kind) => {
    const [first] = kind;
    if (first === undefined) return [];
    const { queue, members, wanted } = first;
    const which = `${JSON.stringify(queue.name)} of the virtual host ${queue.vhost}`;
    const more = kind.length === 1 ? "" : ` and ${kind.length - 1} more`;
    const absent = brokers.filter((name) => !members.includes(name));
    const found = `the quorum queue ${which}${more}: members on ${members.join(", ") || "no broker of the stack"}, expected ${wanted}`;
    const grow = absent.map((name) => `rabbitmq-queues grow rabbit@${name} all`);
    return [needsOperator(found, `run on a broker: ${grow.join("; ")}`)];
  });
  return combineVerdicts(problems, `${quorum.length} quorum queues, with a member on each broker they need`);
}

/** Checks that a queue which was declared without a type is a quorum queue, with its members on the stack's brokers. */
export function judgeNewQuorumQueue(
  { node, type = "classic", members = [] }: QueueRow,
  brokers: readonly string[],
): Verdict {
  const leader = node === undefined ? "" : `leader on ${shortHostName(node)}, `;
  if (type !== "quorum") {
    const found = `a queue declared without a type is ${type}, expected quorum`;
    return fail(`${found}: the default type of the virtual host / is not set`, policySetStepName("quorum"));
  }
  const names = members.map(shortHostName).sort();
  const wanted = Math.min(defaultSize, brokers.length);
  const place = `a quorum queue, ${leader}members on ${names.join(", ")}`;
  if (names.filter((name) => brokers.includes(name)).length >= wanted) return pass(place);
  const absent = brokers.filter((name) => !names.includes(name));
  return fail(`${place}; expected ${wanted} of them`, ...absent.map((name) => brokerServiceName(name)));
}
