/** Two clusters with queues, shovels and balancers as `move` sees them; any question can fail, and the command be killed. */
import type { FinishClusters } from "../../../migration/finish.ts";
import type { Direction, Fenced, Note, Prepared, Clusters } from "../../../migration/move.ts";
import { areEmpty, type QueueCount } from "../../../migration/queue-counts.ts";

export type Side = "old" | "new";

export class Killed extends Error {}

interface Queue {
  readonly name: string;
  readonly messages: Record<Side, string[]>;
  hasConsumer: boolean;
}

export class FakeClusters implements Clusters, FinishClusters {
  note: Note | undefined;
  readonly queues: Queue[] = [];
  readonly fenced = new Set<Side>();
  readonly shovels = new Map<string, Direction>();
  readonly waiting = new Set<string>();
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
  /** Those that cannot be reached. */
  readonly away = new Set<string>();
  #published = 0;
  rounds = 0;

  addQueue(name: string, count: number, hasConsumer = false): void {
    const messages = Array.from({ length: count }, (_, index) => `${name} ${index}`);
    this.queues.push({ name, messages: { old: messages, new: [] }, hasConsumer });
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
  }

  readNote(): Promise<Note | undefined> {
    return this.#do("readNote", () => this.note);
  }

  writeNote(note: Note): Promise<void> {
    return this.#do(`writeNote ${note.direction} ${note.phase}`, () => {
      this.note = note;
    });
  }

  removeNote(): Promise<void> {
    return this.#do("removeNote", () => {
      this.note = undefined;
    });
  }

  prepare(): Promise<Prepared> {
    return this.#do("prepare", () => {
      this.isPrepared = true;
      this.traces.add("old").add("new");
      return { notAhead: new Map() };
    });
  }

  countSource(direction: Direction): Promise<readonly QueueCount[]> {
    return this.#do("countSource", () => this.#counts(sourceOf(direction)));
  }

  countTarget(direction: Direction): Promise<readonly QueueCount[]> {
    return this.#do("countTarget", () => this.#counts(targetOf(direction)));
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
      this.fenced.add(sourceOf(direction));
      for (const name of this.waiting) this.shovels.set(name, direction);
      this.waiting.clear();
      this.#shovel();
      const queues = this.#counts(sourceOf(direction));
      if (direction === "back" && areEmpty(queues)) this.note = { direction, phase: "opening" };
      return { connections: 0, users: [], queues };
    });
  }

  prepareLate(): Promise<void> {
    return this.#do("prepareLate", () => undefined);
  }

  permit(direction: Direction): Promise<void> {
    return this.#do("permit", () => {
      if (direction === "forth") this.note = { direction, phase: "opening" };
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
      this.shovels.clear();
    });
  }

  settle(direction: Direction): Promise<void> {
    return this.#do("settle", () => {
      this.shovels.clear();
      this.configured = targetOf(direction);
    });
  }

  cancel(direction: Direction): Promise<boolean> {
    return this.#do("cancel", () => {
      this.shovels.clear();
      this.waiting.clear();
      return this.queues.every(({ messages }) => messages[targetOf(direction)].length === 0);
    });
  }

  awaitEmpty(): Promise<Fenced> {
    return this.#do("awaitEmpty", () => ({ connections: 0, users: [], queues: this.#askOld() }));
  }

  removeTracesFromOld(): Promise<void> {
    return this.#do("removeTracesFromOld", () => {
      this.#askOld();
      this.traces.delete("old");
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

  explain(): Promise<readonly string[]> {
    return this.#do("explain", () => []);
  }

  report(line: string): void {
    this.reports.push(line);
  }

  pause(): Promise<void> {
    this.rounds += 1;
    if (this.rounds > 2000) throw new Error(`no end; the last report: ${String(this.reports.at(-1))}`);
    this.live();
    this.#shovel();
    return Promise.resolve();
  }

  /** A cluster of which a broker was stopped may not answer any more. */
  #askOld(): readonly QueueCount[] {
    if (this.running.size < 3) throw new Error("no broker of old answers");
    return this.#counts("old");
  }

  #shovel(): void {
    for (const { name, messages } of this.queues) {
      const direction = this.shovels.get(name);
      if (direction === undefined) continue;
      messages[targetOf(direction)].push(...messages[sourceOf(direction)].splice(0, 150));
    }
  }

  #counts(side: Side): QueueCount[] {
    return this.queues.map(({ name, messages, hasConsumer }) => ({
      key: name,
      vhost: "/",
      name,
      messages: messages[side].length,
      consumers: hasConsumer ? 1 : 0,
    }));
  }

  async #do<T>(call: string, action: () => T): Promise<T> {
    await Promise.resolve();
    this.before(call);
    this.calls.push(call);
    const result = action();
    this.after(call);
    return result;
  }
}

function sourceOf(direction: Direction): Side {
  return direction === "forth" ? "old" : "new";
}

function targetOf(direction: Direction): Side {
  return direction === "forth" ? "new" : "old";
}
