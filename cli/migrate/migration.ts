/** The two clusters and the balancers of a migration, as `move` asks and changes them. */
import { setTimeout as pause } from "node:timers/promises";
import type { Category, DefinitionObject, Entry } from "../../definitions/exported-definitions.ts";
import { shovelPrefix } from "../../definitions/migration-names.ts";
import {
  readAgreements,
  readFenced,
  readHeld,
  readShovels,
  readStackNote,
  readTails,
  readTroubles,
  type StackNote,
} from "../../migration/broker-answers.ts";
import {
  configuredReturnOrder,
  copyRemoval,
  exchangeRemoval,
  noteOrder,
  promptReturnOrder,
  shovelEnd,
  shovelRemoval,
  userRemoval,
  waitingNoteOrder,
} from "../../migration/broker-orders.ts";
import {
  agreementsQuestion,
  countQuestion,
  noteQuestion,
  shovelQuestion,
  tailQuestion,
  troubleQuestion,
} from "../../migration/broker-questions.ts";
import type { Carried, ShovelName } from "../../migration/erlang.ts";
import { emptyQuestion, fenceOrder, gateOrder, unfenceOrder } from "../../migration/fence.ts";
import type { FinishClusters } from "../../migration/finish.ts";
import type { Server } from "../../migration/haproxy.ts";
import type { Direction } from "../../migration/direction.ts";
import type { Fenced, Note, Prepared, Clusters } from "../../migration/move.ts";
import { queueOf } from "../../migration/plan.ts";
import { areEmpty, type Held, type QueueCount } from "../../migration/queue-counts.ts";
import { SearchedLogs } from "../../migration/searched-logs.ts";
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
import { type Agreements, copiesIn, type StreamName, type StreamTail } from "../../migration/streams.ts";
import { runOn } from "../../remote/ssh.ts";
import { UserError } from "../../user-error.ts";
import { reasonOf } from "../../verify/cause.ts";
import { findLogin } from "../../verify/checks/hosts.ts";
import { buildRootCommand } from "../root-command.ts";
import { Balancers } from "./balancers.ts";
import type { Cluster } from "./cluster.ts";

/** Seconds for an order that waits for connections to end, or for queues to be empty. */
const longSeconds = 40;
/** To stop one broker. */
const stopSeconds = 120;

/** Gives a cluster what it lacks of the other one. */
export interface Definer {
  /** @returns by queue: why it is not carried before the source is closed */
  prepare(direction: Direction): Promise<ReadonlyMap<string, string>>;
  /** Makes queues that have come since, and what they need. */
  prepareLate(direction: Direction): Promise<void>;
  /** Makes what fetches or sends messages by itself, once the source does that no more. */
  settle(direction: Direction): Promise<void>;
}

/** What a shovel is made for: a queue, or a stream. */
type CarriedName = StreamName & Partial<CarriedStream>;

export interface MigrationArgs {
  readonly old: Cluster;
  readonly fresh: Cluster;
  readonly definer: Definer;
  /** Writes to the old stack's file which brokers its balancers serve. */
  readonly configure: (direction: Direction) => void;
}

export class Migration implements Clusters, FinishClusters {
  readonly #args: MigrationArgs;
  /** The balancers that have not been led to where they should. */
  readonly #left = new Map<string, string>();
  /** The queues that have a shovel and what it publishes to. */
  #carried = new Set<string>();

  /** By the direction in which their streams are carried. */
  readonly #searched = { forth: new SearchedLogs(), back: new SearchedLogs() };

  readonly #balancers: Balancers;
  readonly #allowed = new Set<string>();

  constructor(args: MigrationArgs) {
    this.#args = args;
    this.#balancers = new Balancers(args.old.system);
  }

  /** The balancers that still have another configuration than they should, each with the reason. */
  get unreachedBalancers(): ReadonlyMap<string, string> {
    return this.#left;
  }

  async readNote(): Promise<StackNote | undefined> {
    const { old, fresh } = this.#args;
    const note = await this.#readNoteOf(fresh);
    // The old cluster's brokers may be stopped by then.
    if (note?.phase !== "stopping") await this.#readNoteOf(old);
    return note;
  }

  /** @throws UserError if it is another migration's */
  async #readNoteOf(cluster: Cluster): Promise<StackNote | undefined> {
    const { old, fresh } = this.#args;
    const found = await cluster.ask(noteQuestion, readStackNote);
    if (found !== undefined && (found.from !== old.stack || found.to !== fresh.stack))
      throw new UserError(
        `a migration from ${found.from} to ${found.to} is under way; end it first: npm run migrate -- --from ${found.from} --to ${found.to} --finish (or --back)`,
      );
    return found;
  }

  async writeNote(note: Note, agreements?: Agreements): Promise<void> {
    const { old, fresh } = this.#args;
    const text = this.#noteText(note);
    // The new cluster's counts; the old one's keeps other migrations away.
    await Promise.all([
      old.ask(noteOrder(text), () => undefined),
      fresh.ask(noteOrder(text, agreements && carriedOf(agreements)), () => undefined),
    ]);
  }

  async readAgreements(): Promise<Agreements> {
    const agreements = await this.#args.fresh.ask(agreementsQuestion, readAgreements);
    for (const [key, agreed] of Object.entries(agreements)) {
      const stream = { key, ...queueOf(key) };
      this.#searched.forth.skip(stream, agreed.old);
      this.#searched.back.skip(stream, agreed.new);
    }
    return agreements;
  }

  async removeNote(): Promise<void> {
    const { old, fresh } = this.#args;
    await fresh.ask(noteOrder(undefined), () => undefined);
    await old.ask(noteOrder(undefined), () => undefined);
  }

  async prepare(direction: Direction): Promise<Prepared> {
    const { definer, old, fresh } = this.#args;
    const notAhead = await definer.prepare(direction);
    for (const cluster of [old, fresh]) await cluster.give(entriesIn("users", carryUsers(this.#secret)));
    const { queues, streams } = await this.countSource(direction);
    await this.#allow([...new Set([...queues, ...streams].map(({ vhost }) => vhost))]);
    await this.#source(direction).ask(gateOrder, () => undefined);
    return { notAhead };
  }

  async countSource(direction: Direction): Promise<Held> {
    const searched = this.#searched[direction];
    const held = await this.#source(direction).ask(countQuestion(searched.all), readHeld);
    searched.keep(held.streams);
    return held;
  }

  async countTarget(direction: Direction): Promise<Held> {
    return this.#target(direction).askSoon(countQuestion(), readHeld);
  }

  async tailTarget(direction: Direction): Promise<readonly StreamTail[]> {
    return this.#target(direction).askSoon(tailQuestion, readTails);
  }

  async carry(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    await this.#carry(direction, queues, false);
  }

  async carryOnceFenced(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    for (const cluster of [this.#args.old, this.#args.fresh]) cluster.startAhead();
    await this.#carry(direction, queues, true);
  }

  /** @param isUrgent whether clients wait */
  setUrgent(isUrgent: boolean): void {
    for (const cluster of [this.#args.old, this.#args.fresh]) cluster.setUrgent(isUrgent);
  }

  async carryStreams(direction: Direction, streams: readonly CarriedStream[]): Promise<void> {
    await this.#carry(direction, streams, false);
  }

  async endShovelsOf(streams: readonly StreamName[]): Promise<void> {
    for (const { key } of streams) this.#carried.delete(key);
    await this.#args.fresh.ask(shovelEnd(streams.map(shovelNameOf)), () => undefined);
  }

  async freeze(): Promise<void> {
    this.setUrgent(true);
    const failures = await this.#balancers.freeze();
    for (const [name, why] of failures) this.report(`${name} still serves until the fence stands: ${why}`);
  }

  async fence(direction: Direction): Promise<Fenced> {
    // The note is NEW's, which is the source only on the way back.
    const note = direction === "back" ? this.#noteText({ direction, phase: "opening" }) : undefined;
    const searched = this.#searched[direction];
    const order = fenceOrder(direction, note, searched.all);
    const fenced = await this.#source(direction).askSoon(order, readFenced, longSeconds);
    searched.keep(fenced.streams);
    return fenced;
  }

  async awaitEmpty(): Promise<Fenced> {
    return this.#args.old.ask(emptyQuestion, readFenced, longSeconds);
  }

  async removeTracesFromOld(): Promise<void> {
    await removeTraces(this.#args.old);
    await this.#args.old.ask(noteOrder(undefined), () => undefined);
  }

  async noteStopping(): Promise<void> {
    const text = this.#noteText({ direction: "forth", phase: "stopping" });
    await this.#args.fresh.ask(noteOrder(text), () => undefined);
  }

  async stopOld(): Promise<ReadonlyMap<string, string>> {
    const { system } = this.#args.old;
    const failures = new Map<string, string>();
    for (const { name } of system.brokers) {
      const login = findLogin(system, name);
      const command = buildRootCommand(login, "systemctl disable --now rabbitmq-ha-watch rabbitmq-server");
      try {
        await runOn(login, { command, timeoutSeconds: stopSeconds });
        this.report(`${name} is stopped`);
      } catch (error) {
        failures.set(name, reasonOf(error));
      }
    }
    return failures;
  }

  async removeTracesFromNew(): Promise<void> {
    await removeTraces(this.#args.fresh);
    await this.#args.fresh.ask(noteOrder(undefined), () => undefined);
  }

  async prepareLate(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    const missing = queues.filter(({ key }) => !this.#carried.has(key));
    if (missing.length === 0) return;
    const { queues: made, streams } = await this.countTarget(direction);
    const present = new Set([...made, ...streams].map(({ key }) => key));
    if (missing.some(({ key }) => !present.has(key))) await this.#args.definer.prepareLate(direction);
  }

  async permit(direction: Direction, agreements: Agreements | undefined): Promise<void> {
    const { old, fresh } = this.#args;
    const note = this.#noteText({ direction, phase: "opening" });
    const carried = agreements && carriedOf(agreements);
    if (direction === "forth") {
      await fresh.askSoon(unfenceOrder(direction, note, carried), () => undefined);
      return;
    }
    // The fence has noted it where there are no streams.
    if (carried !== undefined)
      await fresh.askSoon(waitingNoteOrder(direction, note, carried), () => undefined);
    await old.askSoon(unfenceOrder(direction), () => undefined);
  }

  async stage(direction: Direction): Promise<void> {
    await this.#balancers.stage(this.#servers(direction));
  }

  async open(direction: Direction): Promise<void> {
    const { system } = this.#args.old;
    for (;;) {
      const failures = await this.#balancers.open(this.#servers(direction));
      const holder = await this.#balancers.findHolder();
      this.#left.clear();
      for (const [name, why] of failures) this.#left.set(name, why);
      if (holder !== undefined && !failures.has(holder)) {
        this.setUrgent(false);
        return;
      }
      const words = [...failures].map(([name, why]) => `${name}: ${why}`).join("; ");
      this.report(
        holder === undefined ? `no balancer says that it has ${system.virtualAddress}; ${words}` : words,
      );
      await this.pause(1);
    }
  }

  async endShovels(direction: Direction): Promise<void> {
    await this.#args.fresh.ask(shovelRemoval(shovelPrefix), () => undefined);
    const source = this.#source(direction);
    // The source may be gone by now, and nobody consumes from it.
    await source
      .ask(configuredReturnOrder, () => undefined)
      .catch((error: unknown) => this.report(`quorum queues of ${source.stack}: ${reasonOf(error)}`));
    await this.#target(direction).ask(exchangeRemoval(shovelPrefix), () => undefined);
    this.#carried = new Set();
  }

  async settle(direction: Direction): Promise<void> {
    this.#args.configure(direction);
    await this.endShovels(direction);
    await this.#args.definer.settle(direction);
  }

  async cancel(direction: Direction): Promise<boolean> {
    await this.#args.fresh.ask(shovelRemoval(shovelPrefix), () => undefined);
    this.#carried = new Set();
    const { queues, streams } = await this.countTarget(direction);
    if (!areEmpty(queues)) return false;
    if (direction === "forth") {
      const source = await this.countSource(direction);
      const copies = copiesIn(streams, source.streams, await this.readAgreements());
      if (copies === undefined) return false;
      if (copies.length > 0) await this.#args.fresh.ask(copyRemoval(copies), () => undefined);
    }
    await this.endShovels(direction);
    if (direction === "forth")
      for (const cluster of [this.#args.fresh, this.#args.old]) await removeTraces(cluster);
    return true;
  }

  async findTroubles(): Promise<readonly Trouble[]> {
    return this.#args.fresh.askSoon(troubleQuestion(shovelPrefix), readTroubles);
  }

  report(line: string): void {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
  }

  async pause(seconds: number): Promise<void> {
    await pause(seconds * 1000);
  }

  #servers(direction: Direction): Server[] {
    return this.#target(direction).system.brokers.map(({ name, address }) => ({ name, address }));
  }

  #source(direction: Direction): Cluster {
    return direction === "forth" ? this.#args.old : this.#args.fresh;
  }

  #target(direction: Direction): Cluster {
    return direction === "forth" ? this.#args.fresh : this.#args.old;
  }

  get #secret(): string {
    return this.#args.old.system.adminPassword;
  }

  #noteText(note: Note): string {
    const { old, fresh } = this.#args;
    return JSON.stringify({ direction: note.direction, phase: note.phase, from: old.stack, to: fresh.stack });
  }

  /** Lets the shovels use these virtual hosts, on both sides. */
  async #allow(vhosts: readonly string[]): Promise<void> {
    const added = vhosts.filter((vhost) => !this.#allowed.has(vhost));
    if (added.length === 0) return;
    const { old, fresh } = this.#args;
    const permissions = entriesIn("permissions", carryPermissions(added));
    await Promise.all([old, fresh].map((cluster) => cluster.give(permissions)));
    for (const vhost of added) this.#allowed.add(vhost);
  }

  /** A shovel that is there stays, so that nothing is carried twice. */
  async #carry(direction: Direction, queues: readonly CarriedName[], isLate: boolean): Promise<void> {
    if (queues.every(({ key }) => this.#carried.has(key))) return;
    const { fresh } = this.#args;
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
      await this.#allow([...new Set(missing.map(({ queue }) => queue.vhost))]);
      await this.#target(direction).give(
        missing.flatMap(({ exchange, binding }): Entry[] => [
          { category: "exchanges", object: exchange },
          { category: "bindings", object: binding },
        ]),
      );
      // A reader of a stream holds nothing that it would have to give back.
      if (missing.some(({ queue }) => queue.upTo === undefined))
        await this.#source(direction).ask(promptReturnOrder, () => undefined);
      const shovels = missing.map(({ shovel }) => shovel);
      await fresh.give(entriesIn("parameters", shovels));
    }
    for (const { key } of queues) this.#carried.add(key);
  }

  #shovel(direction: Direction, queue: CarriedName, isLate: boolean): ReturnType<typeof carryShovel> {
    const { old } = this.#args;
    return carryShovel(queue, {
      source: addressOf(this.#source(direction), queue.leader),
      target: direction === "forth" ? undefined : addressOf(old),
      secret: this.#secret,
      isLate,
      upTo: queue.upTo,
    });
  }
}

/** Removes from a cluster what the migration has made there, its note apart. */
async function removeTraces(cluster: Cluster): Promise<void> {
  await cluster.ask(exchangeRemoval(shovelPrefix), () => undefined);
  await cluster.ask(userRemoval, () => undefined);
}

function shovelNameOf(queue: QueueName): ShovelName {
  return { vhost: queue.vhost, shovel: shovelName(queue) };
}

function carriedOf(agreements: Agreements): Carried {
  const shovels = Object.keys(agreements).map((key) => shovelNameOf(queueOf(key)));
  return { agreements: JSON.stringify(agreements), shovels };
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
