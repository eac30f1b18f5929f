/** The shovels of a migration, and what they publish through. */
import type { Category, DefinitionObject, Entry } from "../../definitions/exported-definitions.ts";
import { shovelPrefix } from "../../definitions/migration-names.ts";
import { readShovels, readTroubles } from "../../migration/broker-answers.ts";
import {
  configuredReturnOrder,
  exchangeRemoval,
  promptReturnOrder,
  shovelEnd,
  shovelRemoval,
} from "../../migration/broker-orders.ts";
import { shovelQuestion, troubleQuestion } from "../../migration/broker-questions.ts";
import type { Direction } from "../../migration/direction.ts";
import type { Carried, ShovelName } from "../../migration/erlang.ts";
import { queueOf } from "../../migration/plan.ts";
import {
  carryExchange,
  carryPermissions,
  carryShovel,
  carryUsers,
  type ClusterAddress,
  type QueueName,
  shovelName,
} from "../../migration/shovels.ts";
import type { CarriedStream, Trouble } from "../../migration/stream-carrier.ts";
import type { Agreements, StreamName } from "../../migration/streams.ts";
import { reasonOf } from "../../verify/cause.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterPair } from "./cluster-pair.ts";
import { report } from "./report.ts";

/** What a shovel is made for: a queue, or a stream. */
type CarriedName = StreamName & Partial<CarriedStream>;

export class Carrying {
  readonly #pair: ClusterPair;
  /** The queues that have a shovel and what it publishes to. */
  #carried = new Set<string>();
  /** The virtual hosts that the shovels may use. */
  readonly #allowed = new Set<string>();

  constructor(pair: ClusterPair) {
    this.#pair = pair;
  }

  async makeUsers(): Promise<void> {
    const users = entriesIn("users", carryUsers(this.#secret));
    for (const cluster of this.#pair.both) await cluster.give(users);
  }

  /** Lets the shovels use these virtual hosts, on both sides. */
  async allow(vhosts: readonly string[]): Promise<void> {
    const added = new Set(vhosts.filter((vhost) => !this.#allowed.has(vhost)));
    if (added.size === 0) return;
    const permissions = entriesIn("permissions", carryPermissions([...added]));
    await Promise.all(this.#pair.both.map((cluster) => cluster.give(permissions)));
    for (const vhost of added) this.#allowed.add(vhost);
  }

  /** @returns those that no shovel carries */
  uncarriedOf<T extends { readonly key: string }>(queues: readonly T[]): T[] {
    return queues.filter(({ key }) => !this.#carried.has(key));
  }

  /** A shovel that is there stays, so that nothing is carried twice. @param isLate whether it waits for the fence */
  async carry(direction: Direction, queues: readonly CarriedName[], isLate: boolean): Promise<void> {
    if (this.uncarriedOf(queues).length === 0) return;
    const { fresh } = this.#pair;
    const present = await fresh.askSoon(shovelQuestion(shovelPrefix), readShovels);
    const parts = queues.map((queue) => ({
      ...carryExchange(queue),
      shovel: this.#shovel(direction, queue, isLate),
      queue,
    }));
    const missing = parts.filter(
      ({ shovel }) => !present.has(JSON.stringify([shovel["vhost"], shovel["name"]])),
    );
    if (missing.length > 0) {
      await this.allow(missing.map(({ queue }) => queue.vhost));
      await this.#pair.target(direction).give(
        missing.flatMap(({ exchange, binding }): Entry[] => [
          { category: "exchanges", object: exchange },
          { category: "bindings", object: binding },
        ]),
      );
      // A reader of a stream holds nothing that it would have to give back.
      if (missing.some(({ queue }) => queue.upTo === undefined))
        await this.#pair.source(direction).ask(promptReturnOrder, () => undefined);
      const shovels = missing.map(({ shovel }) => shovel);
      await fresh.give(entriesIn("parameters", shovels));
    }
    for (const { key } of queues) this.#carried.add(key);
  }

  async findTroubles(): Promise<readonly Trouble[]> {
    return this.#pair.fresh.askSoon(troubleQuestion(shovelPrefix), readTroubles);
  }

  async endShovelsOf(streams: readonly StreamName[]): Promise<void> {
    for (const { key } of streams) this.#carried.delete(key);
    await this.#pair.fresh.ask(shovelEnd(streams.map(shovelNameOf)), () => undefined);
  }

  async endShovels(): Promise<void> {
    await this.#pair.fresh.ask(shovelRemoval(shovelPrefix), () => undefined);
    this.#carried = new Set();
  }

  /** Ends the shovels of this direction, and removes what they needed. */
  async end(direction: Direction): Promise<void> {
    await this.endShovels();
    const source = this.#pair.source(direction);
    // The source may be gone by now, and nobody consumes from it.
    await source
      .ask(configuredReturnOrder, () => undefined)
      .catch((error: unknown) => report(`quorum queues of ${source.stack}: ${reasonOf(error)}`));
    await this.#pair.target(direction).ask(exchangeRemoval(shovelPrefix), () => undefined);
  }

  #shovel(direction: Direction, queue: CarriedName, isLate: boolean): ReturnType<typeof carryShovel> {
    const { old } = this.#pair;
    return carryShovel(queue, {
      source: addressOf(this.#pair.source(direction), queue.leader),
      target: direction === "forth" ? undefined : addressOf(old),
      secret: this.#secret,
      isLate,
      upTo: queue.upTo,
    });
  }

  get #secret(): string {
    return this.#pair.old.system.adminPassword;
  }
}

/** @returns what is kept of streams that are carried */
export function carriedOf(agreements: Agreements): Carried {
  const shovels = Object.keys(agreements).map((key) => shovelNameOf(queueOf(key)));
  return { agreements: JSON.stringify(agreements), shovels };
}

function shovelNameOf(queue: QueueName): ShovelName {
  return { vhost: queue.vhost, shovel: shovelName(queue) };
}

function entriesIn(category: Category, objects: readonly DefinitionObject[]): Entry[] {
  return objects.map((object) => ({ category, object }));
}

/** @param only the name of the one broker that is meant, if the cluster has it */
function addressOf({ system }: Cluster, only?: string): ClusterAddress {
  const { port } = new URL(system.amqpUri);
  const one = system.brokers.filter(({ name }) => name === only);
  const brokers = one.length === 0 ? system.brokers : one;
  return { addresses: brokers.map(({ address }) => address), port: Number(port || 5672) };
}
