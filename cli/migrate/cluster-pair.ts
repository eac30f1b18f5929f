/** The two clusters of a migration. */
import { exchangeRemoval, userRemoval } from "../../migration/broker-orders.ts";
import { shovelPrefix } from "../../definitions/migration-names.ts";
import type { Direction } from "../../migration/direction.ts";
import type { Cluster } from "./cluster.ts";

export class ClusterPair {
  readonly old: Cluster;
  readonly fresh: Cluster;

  constructor(old: Cluster, fresh: Cluster) {
    this.old = old;
    this.fresh = fresh;
  }

  get both(): readonly [Cluster, Cluster] {
    return [this.old, this.fresh];
  }

  source(direction: Direction): Cluster {
    return direction === "forth" ? this.old : this.fresh;
  }

  target(direction: Direction): Cluster {
    return direction === "forth" ? this.fresh : this.old;
  }
}

/** Removes from a cluster what the migration has made there, its note apart. */
export async function removeTraces(cluster: Cluster): Promise<void> {
  await cluster.ask(exchangeRemoval(shovelPrefix), () => undefined);
  await cluster.ask(userRemoval, () => undefined);
}
