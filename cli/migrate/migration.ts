/** The two clusters and the balancers of a migration, as `move` asks and changes them. */
import { setTimeout as pause } from "node:timers/promises";
import { readCounted, readFenced, readHeld, readTails } from "../../migration/broker-answers.ts";
import { copyRemoval, waitingNoteOrder } from "../../migration/broker-orders.ts";
import { countQuestion, sourceQuestion, tailQuestion } from "../../migration/broker-questions.ts";
import type { Direction } from "../../migration/direction.ts";
import { extendFenceOrder, fenceOrder, gateOrder, unfenceOrder } from "../../migration/fence.ts";
import type { Server } from "../../migration/haproxy.ts";
import { type Clusters, type Fenced, type Note, type Prepared, shownNamesOf } from "../../migration/move.ts";
import { queueOf } from "../../migration/plan.ts";
import { areSurelyEmpty, type Counted, type Held, type QueueCount } from "../../migration/queue-counts.ts";
import { SearchedLogs } from "../../migration/searched-logs.ts";
import type { CarriedStream, Trouble } from "../../migration/stream-carrier.ts";
import { type Agreements, copiesIn, type StreamName, type StreamTail } from "../../migration/streams.ts";
import { Balancers } from "./balancers.ts";
import { carriedOf, Carrying } from "./carrying.ts";
import { type ClusterPair, removeTraces } from "./cluster-pair.ts";
import { report } from "./report.ts";
import { StackNotes } from "./stack-notes.ts";

/** For the fence, which waits for connections to end and for queues to be empty. */
const fenceSeconds = 40;

/** Gives a cluster what it lacks of the other one. */
export interface Definer {
  /** @returns by queue: why it is not carried before the source is closed */
  prepare(direction: Direction): Promise<ReadonlyMap<string, string>>;
  /** Makes queues that have come since, and what they need. */
  prepareLate(direction: Direction): Promise<void>;
  /** Makes what fetches or sends messages by itself, once the source does that no more. */
  settle(direction: Direction): Promise<void>;
}

export interface MigrationArgs {
  readonly pair: ClusterPair;
  readonly definer: Definer;
  /** Writes to the old stack's file which brokers its balancers serve. */
  readonly configure: (direction: Direction) => void;
}

export class Migration implements Clusters {
  readonly #pair: ClusterPair;
  readonly #definer: Definer;
  readonly #configure: (direction: Direction) => void;
  readonly #notes: StackNotes;
  readonly #carrying: Carrying;
  readonly #balancers: Balancers;
  /** The balancers that have not been led to where they should. */
  readonly #left = new Map<string, string>();
  /** By the direction in which their streams are carried. */
  readonly #searched = { forth: new SearchedLogs(), back: new SearchedLogs() };

  constructor({ pair, definer, configure }: MigrationArgs) {
    this.#pair = pair;
    this.#definer = definer;
    this.#configure = configure;
    this.#notes = new StackNotes(pair);
    this.#carrying = new Carrying(pair);
    this.#balancers = new Balancers(pair.old.system);
  }

  /** The balancers that still have another configuration than they should, each with the reason. */
  get unreachedBalancers(): ReadonlyMap<string, string> {
    return this.#left;
  }

  async readNote(): Promise<Note | undefined> {
    return this.#notes.read();
  }

  async writeNote(note: Note, agreements?: Agreements): Promise<void> {
    await this.#notes.write(note, agreements && carriedOf(agreements));
  }

  async removeNote(): Promise<void> {
    for (const cluster of [this.#pair.fresh, this.#pair.old]) await this.#notes.removeFrom(cluster);
  }

  async readAgreements(): Promise<Agreements> {
    const agreements = await this.#notes.readAgreements();
    for (const [key, agreed] of Object.entries(agreements)) {
      const stream = { key, ...queueOf(key) };
      this.#searched.forth.skip(stream, agreed.old);
      this.#searched.back.skip(stream, agreed.new);
    }
    return agreements;
  }

  async prepare(direction: Direction): Promise<Prepared> {
    const notAhead = await this.#definer.prepare(direction);
    // Users that were made where clients are must not log in where they were.
    await this.#pair.target(direction).ask(extendFenceOrder, () => undefined);
    await this.#carrying.makeUsers();
    const { queues, streams } = await this.countSource(direction);
    await this.#carrying.allow([...queues, ...streams].map(({ vhost }) => vhost));
    await this.#pair.source(direction).ask(gateOrder, () => undefined);
    return { notAhead };
  }

  async prepareLate(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    const missing = await this.#absent(direction, this.#carrying.uncarriedOf(queues));
    if (missing.length === 0) return;
    await this.#definer.prepareLate(direction);
    const left = await this.#absent(direction, missing);
    if (left.length === 0) return;
    throw new Error(`the target was given no queue ${shownNamesOf(left)} yet, so nothing is carried there`);
  }

  /** @returns those of these queues that the target does not have */
  async #absent(direction: Direction, queues: readonly QueueCount[]): Promise<readonly QueueCount[]> {
    if (queues.length === 0) return [];
    const { queues: made, streams } = await this.countTarget(direction);
    const present = new Set([...made, ...streams].map(({ key }) => key));
    return queues.filter(({ key }) => !present.has(key));
  }

  async countSource(direction: Direction): Promise<Counted> {
    const searched = this.#searched[direction];
    const counted = await this.#pair.source(direction).ask(sourceQuestion(searched.all), readCounted);
    searched.keep(counted.streams);
    return counted;
  }

  async countTarget(direction: Direction): Promise<Held> {
    return this.#pair.target(direction).askSoon(countQuestion, readHeld);
  }

  async tailTarget(direction: Direction): Promise<readonly StreamTail[]> {
    return this.#pair.target(direction).askSoon(tailQuestion, readTails);
  }

  /** A shovel's messages for a queue that is not there would be confirmed, and gone. */
  async carry(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    await this.prepareLate(direction, queues);
    await this.#carrying.carry(direction, queues, false);
  }

  async carryOnceFenced(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    await this.prepareLate(direction, queues);
    for (const cluster of this.#pair.both) cluster.startAhead();
    await this.#carrying.carry(direction, queues, true);
  }

  async carryStreams(direction: Direction, streams: readonly CarriedStream[]): Promise<void> {
    await this.#carrying.carry(direction, streams, false);
  }

  async findTroubles(): Promise<readonly Trouble[]> {
    return this.#carrying.findTroubles();
  }

  async endShovelsOf(streams: readonly StreamName[]): Promise<void> {
    await this.#carrying.endShovelsOf(streams);
  }

  async endShovels(direction: Direction): Promise<void> {
    await this.#carrying.end(direction);
  }

  /** @param isUrgent whether clients wait */
  setUrgent(isUrgent: boolean): void {
    for (const cluster of this.#pair.both) cluster.setUrgent(isUrgent);
  }

  async freeze(): Promise<void> {
    this.setUrgent(true);
    const failures = await this.#balancers.freeze();
    for (const [name, why] of failures) report(`${name} still serves until the fence stands: ${why}`);
  }

  async fence(direction: Direction): Promise<Fenced> {
    // The note is NEW's, which is the source only on the way back.
    const note = direction === "back" ? this.#notes.textOf({ direction, phase: "opening" }) : undefined;
    const searched = this.#searched[direction];
    const order = fenceOrder(direction, note, searched.all);
    const fenced = await this.#pair.source(direction).askSoon(order, readFenced, fenceSeconds);
    searched.keep(fenced.streams);
    return fenced;
  }

  async permit(direction: Direction, agreements: Agreements | undefined): Promise<void> {
    const { old, fresh } = this.#pair;
    const note = this.#notes.textOf({ direction, phase: "opening" });
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
    const { virtualAddress } = this.#pair.old.system;
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
      report(holder === undefined ? `no balancer says that it has ${virtualAddress}; ${words}` : words);
      await this.pause(1);
    }
  }

  async settle(direction: Direction): Promise<void> {
    this.#configure(direction);
    await this.endShovels(direction);
    await this.#definer.settle(direction);
  }

  async cancel(direction: Direction): Promise<boolean> {
    const { old, fresh } = this.#pair;
    await this.#carrying.endShovels();
    const { queues, streams } = await this.countTarget(direction);
    if (!areSurelyEmpty(queues)) return false;
    if (direction === "forth") {
      const source = await this.countSource(direction);
      const copies = copiesIn(streams, source.streams, await this.readAgreements());
      if (copies === undefined) return false;
      if (copies.length > 0) await fresh.ask(copyRemoval(copies), () => undefined);
    }
    await this.endShovels(direction);
    if (direction === "forth") for (const cluster of [fresh, old]) await removeTraces(cluster);
    return true;
  }

  report(line: string): void {
    report(line);
  }

  async pause(seconds: number): Promise<void> {
    await pause(seconds * 1000);
  }

  #servers(direction: Direction): Server[] {
    return this.#pair.target(direction).system.brokers.map(({ name, address }) => ({ name, address }));
  }
}
