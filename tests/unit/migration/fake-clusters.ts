/** Two clusters with queues, shovels and balancers as `move` sees them; any question can fail, and the command be killed. */
import type { FinishClusters } from "../../../migration/finish.ts";
import type { Direction } from "../../../migration/direction.ts";
import type { Fenced, Note, Prepared, Clusters } from "../../../migration/move.ts";
import {
  areEmpty,
  areSurelyEmpty,
  type Counted,
  type Held,
  type QueueCount,
} from "../../../migration/queue-counts.ts";
import { shovelName } from "../../../migration/shovels.ts";
import type { CarriedStream, Trouble } from "../../../migration/stream-carrier.ts";
import { type Agreements, copiesIn, type StreamName, type StreamTail } from "../../../migration/streams.ts";

export type Side = "old" | "new";

export class Killed extends Error {}

/** A message of a stream; a copy has the offset that it had where a shovel read it. */
export interface Entry {
  readonly text: string;
  readonly origin?: number;
}

interface Stream {
  readonly name: string;
  readonly logs: Record<Side, Entry[]>;
}

interface StreamShovel {
  readonly direction: Direction;
  readonly from: number;
  next: number;
  /** Whether it has ended, and does not begin again. */
  hasEnded: boolean;
}

interface Queue {
  readonly name: string;
  readonly messages: Record<Side, string[]>;
  hasConsumer: boolean;
}

export class FakeClusters implements Clusters, FinishClusters {
  /** NEW's, which counts, and OLD's. */
  note: Note | undefined;
  oldNote: Note | undefined;
  readonly queues: Queue[] = [];
  readonly fenced = new Set<Side>();
  readonly shovels = new Map<string, Direction>();
  readonly waiting = new Set<string>();
  readonly streams: Stream[] = [];
  readonly streamShovels = new Map<string, StreamShovel>();
  agreements: Agreements = {};
  /** The streams with a batch of the stream protocol, and up to where others are searched for one; unset: to the end. */
  readonly batches = new Set<string>();
  readonly searched = new Map<string, number>();
  writesOldFirst = false;
  /** By side: the queues that do not say what they hold. */
  readonly silent: Record<Side, Set<string>> = { old: new Set(), new: new Set() };
  /** How often the streams have been declared again. */
  declared = 0;
  /** Whether the command has been killed: it does nothing any more. */
  isKilled = false;
  isFrozen = false;
  balancersLeadTo: Side = "old";
  configured: Side = "old";
  isPrepared = false;
  readonly reports: string[] = [];
  readonly calls: string[] = [];
  /** What clients received, in this order; those of the side that serves them. */
  readonly received: string[] = [];
  /** Called before each action with its name; throws to have it fail, or `Killed` to end the command. */
  before: (call: string) => void = () => undefined;
  /** Called after each action. */
  after: (call: string) => void = () => undefined;
  /** The sides that still have what a migration makes there. */
  readonly traces = new Set<Side>();
  /** The old brokers that run. */
  readonly running = new Set(["old1", "old2", "old3"]);
  /** The old brokers that do not answer. */
  readonly away = new Set<string>();
  #published = 0;
  rounds = 0;

  /** The command is run again. */
  restart(): void {
    this.before = () => undefined;
    this.isKilled = false;
  }

  addQueue(name: string, count: number, hasConsumer = false): void {
    const messages = Array.from({ length: count }, (_, index) => `${name} ${index}`);
    this.queues.push({ name, messages: { old: messages, new: [] }, hasConsumer });
  }

  addStream(name: string, count: number): void {
    const log = Array.from({ length: count }, (_, index) => ({ text: `${name} ${index}` }));
    this.streams.push({ name, logs: { old: log, new: [] } });
  }

  /** Whether a client that connects to the address is let in, and where. */
  get serving(): Side | undefined {
    if (this.isFrozen || this.fenced.has(this.balancersLeadTo)) return undefined;
    return this.balancersLeadTo;
  }

  /** The clients publish, and consume what they can. */
  live(): void {
    const side = this.serving;
    if (side === undefined) return;
    for (const queue of this.queues) {
      queue.messages[side].push(`${queue.name} live ${this.#published}`);
      this.#published += 1;
      if (queue.hasConsumer) this.received.push(...queue.messages[side].splice(0));
    }
    for (const { name, logs } of this.streams) {
      logs[side].push({ text: `${name} live ${this.#published}` });
      this.#published += 1;
    }
  }

  readNote(): Promise<Note | undefined> {
    return this.#do("readNote", () => this.note ?? this.oldNote);
  }

  /** Both at once, so either may be the first. */
  async writeNote(note: Note, agreements?: Agreements): Promise<void> {
    const writes = [
      () =>
        this.#do(`writeNote ${note.direction} ${note.phase}`, () => {
          this.#keep(agreements);
          this.note = note;
        }),
      () =>
        this.#do("writeNote of OLD", () => {
          this.oldNote = note;
        }),
    ];
    for (const write of this.writesOldFirst ? writes.toReversed() : writes) await write();
  }

  readAgreements(): Promise<Agreements> {
    return this.#do("readAgreements", () => this.agreements);
  }

  carryStreams(direction: Direction, streams: readonly CarriedStream[]): Promise<void> {
    return this.#do("carryStreams", () => {
      for (const { name, upTo } of streams)
        if (!this.streamShovels.has(name))
          this.streamShovels.set(name, { direction, from: upTo + 1, next: upTo + 1, hasEnded: false });
    });
  }

  endShovelsOf(streams: readonly StreamName[]): Promise<void> {
    return this.#do("endShovelsOf", () => {
      for (const { name } of streams) this.streamShovels.delete(name);
    });
  }

  findTroubles(): Promise<readonly Trouble[]> {
    return this.#do("findTroubles", () =>
      [...this.streamShovels]
        .filter(([, { hasEnded }]) => hasEnded)
        .map(([name]) => ({ vhost: "/", name: shovelName({ vhost: "/", name }), reason: "killed" })),
    );
  }

  async removeNote(): Promise<void> {
    await this.#do("removeNote", () => {
      this.note = undefined;
      this.agreements = {};
    });
    await this.#do("removeNote of OLD", () => {
      this.oldNote = undefined;
    });
  }

  prepare(): Promise<Prepared> {
    return this.#do("prepare", () => {
      this.isPrepared = true;
      this.traces.add("old").add("new");
      return { notAhead: new Map() };
    });
  }

  countSource(direction: Direction): Promise<Counted> {
    return this.#do("countSource", () => ({
      ...this.#held(sourceOf(direction)),
      away: direction === "forth" ? [...this.away] : [],
    }));
  }

  countTarget(direction: Direction): Promise<Held> {
    return this.#do("countTarget", () => this.#held(targetOf(direction)));
  }

  tailTarget(direction: Direction): Promise<readonly StreamTail[]> {
    return this.#do("tailTarget", () => this.#tails(targetOf(direction)));
  }

  carry(direction: Direction, queues: readonly QueueCount[]): Promise<void> {
    return this.#do("carry", () => {
      // One that is there stays, whatever its direction.
      for (const { name } of queues)
        if (!this.waiting.has(name) && !this.shovels.has(name)) this.shovels.set(name, direction);
    });
  }

  carryOnceFenced(_: Direction, queues: readonly QueueCount[]): Promise<void> {
    return this.#do("carryOnceFenced", () => {
      for (const { name } of queues) if (!this.shovels.has(name)) this.waiting.add(name);
    });
  }

  freeze(): Promise<void> {
    return this.#do("freeze", () => {
      this.isFrozen = true;
    });
  }

  fence(direction: Direction): Promise<Fenced> {
    return this.#do("fence", () => {
      this.#checkNote(sourceOf(direction), direction);
      if (direction === "forth" && this.away.size > 0) throw new Error("a broker does not answer");
      this.fenced.add(sourceOf(direction));
      for (const name of this.waiting) this.shovels.set(name, direction);
      this.waiting.clear();
      this.#shovel();
      const held = this.#held(sourceOf(direction));
      if (direction === "back" && areEmpty(held.queues) && held.streams.length === 0)
        this.note = { direction, phase: "opening" };
      return { connections: 0, users: [], ...held };
    });
  }

  prepareLate(): Promise<void> {
    return this.#do("prepareLate", () => undefined);
  }

  permit(direction: Direction, agreements: Agreements | undefined): Promise<void> {
    return this.#do("permit", () => {
      this.#checkNote(targetOf(direction), direction);
      this.#keep(agreements);
      if (direction === "forth" || agreements !== undefined) this.note = { direction, phase: "opening" };
      this.fenced.delete(targetOf(direction));
    });
  }

  stage(): Promise<void> {
    return this.#do("stage", () => undefined);
  }

  open(direction: Direction): Promise<void> {
    return this.#do("open", () => {
      this.balancersLeadTo = targetOf(direction);
      this.isFrozen = false;
    });
  }

  endShovels(): Promise<void> {
    return this.#do("endShovels", () => {
      this.#endShovels();
    });
  }

  settle(direction: Direction): Promise<void> {
    return this.#do("settle", () => {
      this.#endShovels();
      this.configured = targetOf(direction);
    });
  }

  cancel(direction: Direction): Promise<boolean> {
    return this.#do("cancel", () => {
      this.#endShovels();
      if (!areSurelyEmpty(this.#counts(targetOf(direction)))) return false;
      const copies =
        direction === "forth" ? copiesIn(this.#tails("new"), this.#tails("old"), this.agreements) : [];
      for (const { logs } of this.streams.filter(({ name }) => copies?.some((copy) => copy.name === name)))
        logs.new.splice(0);
      return copies !== undefined;
    });
  }

  awaitEmpty(): Promise<Fenced> {
    return this.#do("awaitEmpty", () => ({ connections: 0, users: [], ...this.#askOld() }));
  }

  removeTracesFromOld(): Promise<void> {
    return this.#do("removeTracesFromOld", () => {
      this.#askOld();
      this.traces.delete("old");
      this.oldNote = undefined;
    });
  }

  noteStopping(): Promise<void> {
    return this.#do("noteStopping", () => {
      this.note = { direction: "forth", phase: "stopping" };
    });
  }

  async stopOld(): Promise<ReadonlyMap<string, string>> {
    const failures = new Map<string, string>();
    for (const name of ["old1", "old2", "old3"])
      await this.#do(`stop ${name}`, () => {
        if (this.away.has(name)) failures.set(name, "is away");
        else this.running.delete(name);
      });
    return failures;
  }

  removeTracesFromNew(): Promise<void> {
    return this.#do("removeTracesFromNew", () => {
      this.traces.delete("new");
      this.note = undefined;
    });
  }

  report(line: string): void {
    this.reports.push(line);
  }

  pause(): Promise<void> {
    if (this.isKilled) return Promise.reject(new Killed());
    this.rounds += 1;
    if (this.rounds > 2000) throw new Error(`no end; the last report: ${String(this.reports.at(-1))}`);
    this.live();
    this.#shovel();
    return Promise.resolve();
  }

  /** A cluster refuses what its own note does not say. */
  #checkNote(side: Side, direction: Direction): void {
    const note = side === "new" ? this.note : this.oldNote;
    if (note?.direction !== direction || !["closing", "opening"].includes(note.phase))
      throw new Error(`${side} says ${JSON.stringify(note)}`);
  }

  /** A cluster of which a broker was stopped may not answer any more. */
  #askOld(): Held {
    if (this.running.size < 3) throw new Error("no broker of old answers");
    return this.#held("old");
  }

  #shovel(): void {
    for (const { name, messages } of this.queues) {
      const direction = this.shovels.get(name);
      if (direction === undefined) continue;
      messages[targetOf(direction)].push(...messages[sourceOf(direction)].splice(0, 150));
    }
    for (const { name, logs } of this.streams) {
      const shovel = this.streamShovels.get(name);
      if (shovel === undefined || shovel.hasEnded) continue;
      const read = logs[sourceOf(shovel.direction)].slice(shovel.next, shovel.next + 150);
      const { next } = shovel;
      logs[targetOf(shovel.direction)].push(
        ...read.map(({ text }, index) => ({ text, origin: next + index })),
      );
      shovel.next += read.length;
    }
  }

  #held(side: Side): Held {
    return { queues: this.#counts(side), streams: this.#tails(side) };
  }

  #tails(side: Side): StreamTail[] {
    return this.streams.map(({ name, logs }) => ({
      key: name,
      vhost: "/",
      name,
      id: `${side} ${this.declared}`,
      leader: `${side}1`,
      searched: this.searched.get(name) ?? logs[side].length,
      hasBatch: this.batches.has(name),
      last: logs[side].length - 1,
      origin: logs[side].at(-1)?.origin,
    }));
  }

  #keep(agreements: Agreements | undefined): void {
    if (agreements === undefined) return;
    this.agreements = agreements;
    this.streamShovels.clear();
  }

  #endShovels(): void {
    this.shovels.clear();
    this.waiting.clear();
    this.streamShovels.clear();
  }

  #counts(side: Side): QueueCount[] {
    return this.queues.map(({ name, messages, hasConsumer }) => ({
      key: name,
      vhost: "/",
      name,
      messages: this.silent[side].has(name) ? undefined : messages[side].length,
      consumers: hasConsumer ? 1 : 0,
    }));
  }

  async #do<T>(call: string, action: () => T): Promise<T> {
    await Promise.resolve();
    if (this.isKilled) throw new Killed();
    try {
      this.before(call);
      this.calls.push(call);
      const result = action();
      this.after(call);
      return result;
    } catch (error) {
      this.isKilled = error instanceof Killed;
      throw error;
    }
  }
}

function sourceOf(direction: Direction): Side {
  return direction === "forth" ? "old" : "new";
}

function targetOf(direction: Direction): Side {
  return direction === "forth" ? "new" : "old";
}
