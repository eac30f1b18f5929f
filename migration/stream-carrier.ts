/** Carries what streams hold while clients use the source, and says what is left. */
import type { Direction } from "./direction.ts";
import type { Held, QueueCount } from "./queue-counts.ts";
import { shovelName } from "./shovels.ts";
import {
  type Agreements,
  carriedUpTo,
  isForeign,
  type Place,
  type StreamName,
  type StreamPair,
  type StreamTail,
} from "./streams.ts";

/** A shovel that does not run. */
export interface Trouble {
  readonly vhost: string;
  /** The shovel's own. */
  readonly name: string;
  readonly reason: string;
}

/** A stream, with the offset up to which it is carried, and who leads it. */
export type CarriedStream = StreamName & Pick<StreamTail, "leader"> & { readonly upTo: number };

export interface StreamClusters {
  /** @throws unless the answer is whole */
  readAgreements(): Promise<Agreements>;
  /** Has each stream that no shovel carries be carried, from the message after the given offset on. */
  carryStreams(direction: Direction, streams: readonly CarriedStream[]): Promise<void>;
  countSource(direction: Direction): Promise<Held>;
  /** Ends the shovels of these streams. */
  endShovelsOf(streams: readonly StreamName[]): Promise<void>;
  report(line: string): void;
}

export interface StreamCarrierArgs {
  readonly clusters: StreamClusters;
  readonly direction: Direction;
  /** Whether what streams hold stays where it is. */
  readonly leavesStreams: boolean;
}

/** A shovel that has carried nothing of what is left, in so many answers, is replaced. */
const patience = 5;

/** What is known of a stream. */
interface Progress {
  readonly id: string;
  /** What the target's last message says. */
  readonly said: number;
  /** Up to where all is in the target. */
  readonly upTo: number;
  readonly left: number;
  /** How many answers have said the same while something was left. */
  readonly answers: number;
  /** Whether its shovel has carried something. */
  readonly hasCarried: boolean;
}

/** How it is with a stream now. */
interface Found {
  readonly pair: StreamPair;
  readonly upTo: number | undefined;
  /** Undefined where a cluster gave no whole answer. */
  readonly left: number | undefined;
  /** Why it cannot be called carried, or clients be kept out for it. */
  readonly obstacle: string | undefined;
  /** Why its shovel is to be replaced. */
  readonly fault: string | undefined;
}

export interface StreamsLeft {
  /** What is left of each. */
  readonly counts: readonly QueueCount[];
  readonly obstacles: readonly string[];
}

/**
 * A shovel that starts again begins where it began at first, and all since then would come twice. So none starts again by itself
 * (`reconnect-delay: 0`) unless its broker dies. The next one begins after the last message that is in the target.
 */
export class StreamCarrier {
  readonly #args: StreamCarrierArgs;
  #agreed: Agreements | undefined;
  readonly #progress = new Map<string, Progress>();

  constructor(args: StreamCarrierArgs) {
    this.#args = args;
  }

  /**
   * Has shovels carry these streams of the source, of which the target may lack some.
   * @param target asked before the source, or once nobody writes to the source any more
   * @param findTroubles asked only if something is left
   */
  async carry(
    source: readonly StreamTail[],
    target: readonly StreamTail[],
    findTroubles: () => Promise<readonly Trouble[]>,
  ): Promise<StreamsLeft> {
    const { clusters, direction, leavesStreams } = this.#args;
    if (source.length === 0 || leavesStreams) return { counts: [], obstacles: [] };
    const found = pairsOf(source, target, await this.#known(), direction).map((pair) => this.#advance(pair));
    const troubles = found.every(({ left }) => left === 0) ? [] : await findTroubles();
    const replaced = found.flatMap(({ pair, upTo = -1, left, fault }) => {
      const { key, vhost, name } = pair.source;
      const said = troubles.find((each) => each.vhost === vhost && each.name === shovelName({ vhost, name }));
      const why = fault ?? said?.reason;
      return why === undefined || left === undefined ? [] : [{ key, vhost, name, why, upTo }];
    });
    for (const { name, why, upTo } of replaced)
      clusters.report(`stream ${name} goes on after offset ${upTo}: ${why}`);
    if (replaced.length > 0) await clusters.endShovelsOf(replaced);
    for (const { key } of replaced) this.#replaced(key);
    const carried = found.flatMap(({ pair, upTo }) =>
      pair.target === undefined || upTo === undefined ? [] : [{ ...pair.source, upTo }],
    );
    if (carried.length > 0) await clusters.carryStreams(direction, carried);
    const counts = found.map(({ pair, left }) => {
      const { key, vhost, name } = pair.source;
      return { key, vhost, name, messages: left, consumers: 0 };
    });
    const obstacles = found.flatMap(({ pair, obstacle }) =>
      obstacle === undefined ? [] : [`stream ${pair.source.name} ${obstacle}`],
    );
    return { counts, obstacles };
  }

  /** Ends what an earlier run has begun, if all is left where it is. */
  async leave(): Promise<void> {
    const { clusters, direction, leavesStreams } = this.#args;
    if (leavesStreams) await clusters.endShovelsOf((await clusters.countSource(direction)).streams);
  }

  /** Whether it has had an answer of a stream. */
  get isCarrying(): boolean {
    return this.#progress.size > 0;
  }

  /** @returns whether the target has all that the source has, as far as its last messages say */
  async isWhole(source: readonly StreamTail[], target: readonly StreamTail[]): Promise<boolean> {
    const pairs = pairsOf(source, target, await this.#known(), this.#args.direction);
    return pairs.every(
      (pair) =>
        pair.source.last !== undefined &&
        carriedUpTo(pair) === pair.source.last &&
        unreadable(pair.source, pair.source.last) === undefined,
    );
  }

  /** @returns what is to be kept once all is carried, or left for good; undefined where there is no stream */
  async agreements(
    source: readonly StreamTail[],
    target: readonly StreamTail[],
  ): Promise<Agreements | undefined> {
    const { direction } = this.#args;
    if (source.length === 0) return undefined;
    const known = await this.#known();
    const agreed = pairsOf(source, target, known, direction).flatMap(({ source: from, target: to }) => {
      const [here, there] = [placeOf(from), placeOf(to)];
      if (here === undefined || there === undefined) return [];
      return [[from.key, direction === "forth" ? { old: here, new: there } : { old: there, new: here }]];
    });
    return { ...known, ...(Object.fromEntries(agreed) as Agreements) };
  }

  async #known(): Promise<Agreements> {
    this.#agreed ??= await this.#args.clusters.readAgreements();
    return this.#agreed;
  }

  /** Takes an answer down. What was once in the target stays there, though its last message may be a repeated one. */
  #advance(pair: StreamPair): Found {
    const { source } = pair;
    const { key, id, last } = source;
    const before = this.#progress.get(key);
    const none = { pair, upTo: before?.upTo, fault: undefined };
    if (last === undefined) return { ...none, left: undefined, obstacle: undefined };
    if (isForeign(pair)) return { ...none, left: 0, obstacle: foreign };
    const said = carriedUpTo(pair);
    if (said === undefined) return { ...none, left: undefined, obstacle: undefined };
    const upTo = Math.max(said, before?.upTo ?? -1);
    // An empty one has lost the rest by its own limits.
    if ((before !== undefined && before.id !== id) || (upTo > last && last !== -1))
      return { ...none, left: 0, obstacle: declaredAgain };
    const left = Math.max(0, last - upTo);
    const isSame = upTo === before?.upTo && before.left > 0 && left > 0;
    const answers = isSame ? before.answers + 1 : 0;
    const hasCarried = before !== undefined && (upTo > before.upTo || before.hasCarried);
    this.#progress.set(key, { id, said, upTo, left, answers, hasCarried });
    const isBehind = before !== undefined && said < before.said;
    return {
      pair,
      upTo,
      left,
      obstacle: unreadable(source, last) ?? (left === 0 || hasCarried ? undefined : notBegun),
      fault: isBehind ? "its shovel began anew" : answers === patience ? "nothing is carried" : undefined,
    };
  }

  #replaced(key: string): void {
    const before = this.#progress.get(key);
    if (before !== undefined) this.#progress.set(key, { ...before, answers: 0, hasCarried: false });
  }
}

const leave = "or leave all streams as they are, with --leave-streams";
const foreign = `has messages in the other cluster that no shovel has carried there: delete it there, ${leave}`;
const declaredAgain = `was declared again while it was carried: delete it in the other cluster and run this again, ${leave}`;
const notBegun = "is not carried yet";

/** @returns why a shovel does not carry all of it, as far as is known */
function unreadable({ hasBatch, searched }: StreamTail, last: number): string | undefined {
  if (hasBatch)
    return `has batches of the stream protocol, which no shovel carries: let consumers read them, ${leave}`;
  return searched > last ? undefined : `is searched for batches up to offset ${searched} of ${last}`;
}

function pairsOf(
  source: readonly StreamTail[],
  target: readonly StreamTail[],
  agreements: Agreements,
  direction: Direction,
): StreamPair[] {
  return source.map((tail) => {
    const agreed = agreements[tail.key];
    return {
      source: tail,
      target: target.find(({ key }) => key === tail.key),
      agreed:
        agreed === undefined
          ? undefined
          : direction === "forth"
            ? { source: agreed.old, target: agreed.new }
            : { source: agreed.new, target: agreed.old },
    };
  });
}

function placeOf(tail: StreamTail | undefined): Place | undefined {
  return tail?.last === undefined ? undefined : { id: tail.id, last: tail.last };
}
