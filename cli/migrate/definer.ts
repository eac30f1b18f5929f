/** Gives each cluster of a migration the objects that it lacks of the other one. */
import {
  categories,
  type Category,
  type Definitions,
  type Entry,
} from "../../definitions/exported-definitions.ts";
import { compareDefinitions } from "../../definitions/difference.ts";
import { whyNotAhead, withoutExpiring } from "../../migration/carried-late.ts";
import type { Direction } from "../../migration/direction.ts";
import type { Plan } from "../../migration/plan.ts";
import { returnQueue } from "../../migration/returned-queue.ts";
import { brokerLogins } from "../../verify/checks/hosts.ts";
import { askAnyBroker } from "../backup/source.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterPair } from "./cluster-pair.ts";
import type { Definer } from "./migration.ts";

export interface DefinerArgs {
  readonly pair: ClusterPair;
  /** What the old cluster's definitions become. */
  readonly plan: (isFresh: boolean) => Promise<Plan>;
}

/** What a queue that is made late needs; the users' limits are those of the fence then. */
const lateCategories: readonly Category[] = ["vhosts", "exchanges", "queues", "bindings"];
const returnedCategories: readonly Category[] = [
  "vhosts",
  "users",
  "permissions",
  "topic_permissions",
  ...lateCategories,
];

export function makeDefiner({ pair, plan }: DefinerArgs): Definer {
  const { old, fresh } = pair;
  const give = async (
    target: Cluster,
    wanted: Definitions,
    only: readonly Category[],
    withChanges: boolean,
  ): Promise<void> => {
    const present = await readDefinitions(target);
    const own = { adminUser: target.system.adminUser, policyName: target.system.policy.name };
    const { made, changed } = compareDefinitions(wanted, present, own);
    // A user's limit of connections is the fence of the target while clients use the source.
    const changes = withChanges ? changed.map(withoutLimits) : [];
    const entries = [...made, ...changes].filter(({ category }) => only.includes(category));
    if (entries.length > 0) await target.give(entries);
  };
  const returned = async (): Promise<Definitions> => {
    const found = await readDefinitions(fresh);
    const own = fresh.system.adminUser;
    return {
      ...found,
      users: found.users.filter(({ name }) => name !== own),
      permissions: found.permissions.filter(({ user }) => user !== own),
      queues: found.queues.map(returnQueue),
    };
  };
  return {
    async prepare(direction: Direction) {
      const isBack = direction === "back";
      const [target, wanted] = isBack ? [old, await returned()] : [fresh, (await plan(false)).definitions];
      // The queues of the source are judged by the policies that the target will have; OLD keeps its own.
      const { policies, parameters } = await readDefinitions(target);
      const given = isBack ? { policies: [], parameters: [] } : wanted;
      const judged = {
        ...wanted,
        policies: [...policies, ...given.policies],
        parameters: [...parameters, ...given.parameters],
      };
      const { queues, bindings } = withoutExpiring(judged);
      await give(target, { ...wanted, queues, bindings }, isBack ? returnedCategories : categories, !isBack);
      return whyNotAhead(judged);
    },
    async prepareLate(direction: Direction) {
      if (direction === "back") await give(old, await returned(), lateCategories, false);
      else await give(fresh, (await plan(true)).definitions, lateCategories, false);
    },
    async settle(direction: Direction) {
      if (direction === "forth") await give(fresh, (await plan(false)).later, ["parameters"], false);
    },
  };
}

async function readDefinitions({ system }: Cluster): Promise<Definitions> {
  return (await askAnyBroker(brokerLogins(system))).definitions;
}

function withoutLimits({ category, object }: Entry): Entry {
  if (category !== "users") return { category, object };
  const { limits: _, ...rest } = object;
  return { category, object: rest };
}
