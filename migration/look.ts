/** What a migration from one cluster to another would do, and what stands against it. Nothing is changed. */
import { type Definitions, type Entry, labelOf } from "../definitions/exported-definitions.ts";
import { compareDefinitions, type StacksOwn } from "../definitions/difference.ts";
import { blocking, checkSides, pathOf, type Side as StateSide } from "./checks.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import { textOf } from "./fields.ts";
import { becomes, cannot } from "./notes.ts";
import type { CarriedQueue, Finding, Plan, Target } from "./plan.ts";
import { queueKey } from "./plan.ts";
import { type ClusterState, depthsOf, StateError } from "./state.ts";
import { translate } from "./translate.ts";

/** A cluster with its definitions and what in it is its stack's own. */
export interface Side extends StateSide {
  readonly definitions: Definitions;
  readonly own: StacksOwn;
  /** What the stack's own policy says of queues. */
  readonly policy: Readonly<Record<string, unknown>>;
}

export interface LookArgs {
  readonly old: Side;
  readonly fresh: Side;
  /** How many addresses each of NEW's brokers had to reach. */
  readonly endpointCount: number;
  /** Whether both stacks' administrators have one name and one password. */
  readonly hasSameAdmin: boolean;
}

export interface Look {
  readonly from: { readonly stack: string; readonly version: string };
  readonly to: { readonly stack: string; readonly version: string };
  /** What the way between the versions is. */
  readonly path: string;
  readonly plan: Plan;
  /** The plan's findings, and those about the clusters. */
  readonly findings: readonly Finding[];
  readonly estimate: Estimate;
}

/** @throws StateError if NEW does not say what its queues are and can */
export function look(args: LookArgs): Look {
  const { old, fresh, endpointCount } = args;
  const depths = depthsOf(old.state);
  const plan = translate(old.definitions, { ...old.own, depths }, targetOf(fresh));
  const findings = [
    ...checkSides(old, fresh, endpointCount),
    ...checkClients(args, plan.queues),
    ...checkDepths(plan.queues),
    ...checkRoom(plan.queues, fresh.state),
    ...collisions(plan, fresh),
    ...plan.findings,
  ];
  return {
    from: { stack: old.stack, version: old.state.version },
    to: { stack: fresh.stack, version: fresh.state.version },
    path: pathOf(old.state, fresh.state),
    plan,
    findings,
    estimate: estimateOf(plan.queues),
  };
}

/** @returns what the translator has to know of NEW */
export function targetOf({ state, own, policy }: Pick<Side, "state" | "own" | "policy">): Target {
  const abilitiesOf = (type: "classic" | "quorum" | "stream") => {
    const said = state.queue_types[type];
    if (said === null) throw new StateError(`RabbitMQ ${state.version} does not say what ${type} queues can`);
    return { arguments: said.arguments, unsupportedPolicyKeys: said.unsupported_policies };
  };
  if (state.default_queue_type === null)
    throw new StateError(`RabbitMQ ${state.version} does not say what a queue without a type becomes`);
  return {
    version: state.version,
    defaultQueueType: state.default_queue_type,
    hasRelaxedChecks: state.relaxed_checks,
    permits: state.permits,
    exchangeTypes: state.exchange_types,
    components: state.components,
    policyKeys: state.policy_keys,
    queueTypes: {
      classic: abilitiesOf("classic"),
      quorum: abilitiesOf("quorum"),
      stream: abilitiesOf("stream"),
    },
    adminUser: own.adminUser,
    policy,
  };
}

/** What clients do that quorum queues do not do, and who logs in as an administrator. */
function checkClients({ old, fresh, hasSameAdmin }: LookArgs, queues: readonly CarriedQueue[]): Finding[] {
  const found: Finding[] = [];
  const toQuorum = new Set(
    queues.filter(({ from, to }) => from !== to && to === "quorum").map((queue) => queueKey(queue)),
  );
  const sole = old.state.queues.filter((queue) => queue.sole_consumer && toQuorum.has(queueKey(queue)));
  if (sole.length > 0)
    found.push({
      ...becomes(
        "an exclusive consumer is no longer the only one",
        "quorum queues ignore that a consumer asks to be exclusive",
        "see that one instance of that client runs, or give the queue x-single-active-consumer and a new name",
      ),
      subjects: sole.map((object) => labelOf({ category: "queues", object })),
    });
  const prefetching = old.state.global_prefetch;
  if (prefetching !== 0 && toQuorum.size > 0)
    found.push({
      ...cannot(
        `${prefetching === null ? "an unknown number of" : String(prefetching)} channels have a global prefetch; one that consumes from a quorum queue is closed by NEW`,
        "quorum queues have no prefetch of a whole channel",
        "let the client set its prefetch without global (basic.qos global=false)",
      ),
      subjects: [],
    });
  return [...found, ...checkUsers(old, fresh, hasSameAdmin)];
}

/** Who would be refused by NEW, or could not be kept out of OLD. */
function checkUsers(old: Side, fresh: Side, hasSameAdmin: boolean): Finding[] {
  const { connections } = old.state;
  if (connections === null)
    return [
      blocking(
        "a broker of OLD did not say who is connected to it",
        "no answer is not a good one",
        "run this again; if it stays so, see the brokers' logs",
      ),
    ];
  const found: Finding[] = [];
  const ofAdmin = connections.find(({ user }) => user === old.own.adminUser)?.count ?? 0;
  if (ofAdmin > 0 && !hasSameAdmin)
    found.push(
      blocking(
        `${ofAdmin} connections are of OLD's administrator ${old.own.adminUser}, whom NEW does not let in`,
        `each stack has an administrator of its own, NEW's is ${fresh.own.adminUser}`,
        "give these clients a user of their own, or NEW the same rabbitmq.adminUser and adminPassword",
      ),
    );
  const known = new Set(old.definitions.users.map(({ name }) => name));
  const others = connections.map(({ user }) => user).filter((user) => !known.has(user));
  if (others.length > 0)
    found.push(
      blocking(
        `is connected to OLD, and is no user of its own`,
        "OLD's limits of connections keep its own users out while the rest is carried, and nobody of LDAP or OAuth",
        "end these clients, or give them a user of OLD's own",
        others.map((user) => `user ${user}`),
      ),
    );
  return found;
}

function checkDepths(queues: readonly CarriedQueue[]): Finding[] {
  const unknown = queues.filter(({ depth }) => depth === undefined);
  if (unknown.length === 0) return [];
  return [
    blocking(
      "did not say what it holds",
      "its broker does not run, or is too busy to answer in time",
      "start the broker that has it, or run this again",
      unknown.map(({ vhost, name }) => labelOf({ category: "queues", object: { vhost, name } })),
    ),
  ];
}

/** A quorum queue writes a message to a log and, with its segments, needs about twice its size for some time. */
const roomFactor = 2;

function checkRoom(queues: readonly CarriedQueue[], { nodes }: ClusterState): Finding[] {
  const needed = estimateOf(queues).bytes * roomFactor;
  return nodes.flatMap(({ name, disk_free: free, disk_limit: limit }) => {
    if (free === null || limit === null)
      return [
        blocking(
          `${name} of NEW did not say how much disk is left`,
          "each broker of NEW may hold a copy of each message",
          "run this again; if it stays so, see what its log says of disk_free_monitor",
        ),
      ];
    if (free - limit >= needed) return [];
    const mb = (bytes: number): string => `${Math.ceil(bytes / 1_000_000)} MB`;
    return [
      blocking(
        `${name} of NEW has ${mb(Math.max(0, free - limit))} of disk left above its limit, and ${mb(needed)} may be needed`,
        "each broker of NEW may hold a copy of each message",
        "give it a larger disk, or let consumers empty queues before",
      ),
    ];
  });
}

/** NEW has to be empty of what would be in the way. */
function collisions({ definitions, queues }: Plan, { definitions: present, own, state }: Side): Finding[] {
  const difference = compareDefinitions(definitions, present, own);
  const found = (entries: readonly Entry[], what: string, why: string, remedy: string): Finding[] =>
    entries.length === 0 ? [] : [blocking(what, why, remedy, entries.map(labelOf))];
  const depths = depthsOf(state);
  const queueEntry = ({ vhost, name }: CarriedQueue): Entry => ({
    category: "queues",
    object: { vhost, name },
  });
  const filled = queues.filter((queue) => {
    const depth = depths.get(queueKey(queue));
    return depth !== undefined && depth.ready + depth.unacknowledged > 0;
  });
  const there = new Set(
    present.queues.map(({ vhost, name }) => queueKey({ vhost: textOf(vhost), name: textOf(name) })),
  );
  const silent = queues.filter((queue) => there.has(queueKey(queue)) && !depths.has(queueKey(queue)));
  const taken = difference.leftOut.filter(({ category }) => category === "users");
  return [
    ...found(
      difference.conflicting,
      "is in NEW with other properties",
      "RabbitMQ changes these by no command, and clients that declare it as in OLD would be refused",
      "delete it in NEW, or take it out of NEW's definitions and delete it",
    ),
    ...found(
      difference.changed,
      "is otherwise in NEW",
      "NEW was given its own, which the migration would overwrite, or NEW's next up would take back",
      "make it the same on both sides, or delete it in NEW",
    ),
    ...found(
      taken,
      "has the name of NEW's administrator",
      "NEW's administrator keeps its own password",
      "give NEW another rabbitmq.adminUser and run up",
    ),
    ...found(
      filled.map(queueEntry),
      "has messages in NEW already",
      "consumers would get them before OLD's",
      "empty the queue in NEW",
    ),
    ...found(
      silent.map(queueEntry),
      "is in NEW, and did not say whether it has messages there",
      "consumers would get them before OLD's",
      "start the broker of NEW that has it, or run this again",
    ),
  ];
}
