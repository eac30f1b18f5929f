/** Carries what streams hold while clients use the source, and says what is left. */
import type { QueueCount } from "./queue-counts.ts";
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

export interface StreamClusters {
  /** @throws unless the answer is whole */
  readAgreements(): Promise<Agreements>;
  /** Has each stream that no shovel carries be carried, from the message after the given offset on. */
  carryStreams(
    direction: "forth" | "back",
    streams: readonly (StreamName & { readonly upTo: number })[],
  ): Promise<void>;
  /** Ends the shovels of these streams. */
  endShovelsOf(streams: readonly StreamName[]): Promise<void>;
  /** @returns the shovels that do not run */
  findTroubles(): Promise<readonly Trouble[]>;
  report(line: string): void;
}

export interface StreamCarrierArgs {
  readonly clusters: StreamClusters;
  readonly direction: "forth" | "back";
  /** Whether what streams hold stays where it is. */
  readonly leavesStreams: boolean;
}

/** A shovel that has carried nothing of what is left, in so many answers, is replaced. */
const patience = 5;

/** What is known of a stream. */
interface Progress {
  /** What the target's last message says. */
  readonly said: number;
  /** Up to where all is in the target. */
  readonly upTo: number;
  /** How much is left; undefined if that is not known. */
  readonly left: number | undefined;
  /** How many answers have said the same while something was left. */
  readonly answers: number;
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
   * @returns what is left of each
   */
  async carry(source: readonly StreamTail[], target: readonly StreamTail[]): Promise<readonly QueueCount[]> {
    const { clusters, direction, leavesStreams } = this.#args;
    if (source.length === 0 || leavesStreams) return [];
    const pairs = pairsOf(source, target, await this.#known(), direction);
    for (const pair of pairs)
      if (isForeign(pair))
        clusters.report(
          `stream ${pair.source.name} has messages in the other cluster that no shovel has carried there: delete it there, or leave it as it is with --leave-streams`,
        );
    const found = pairs.map((pair) => ({ ...pair, ...this.#advance(pair) }));
    const troubles = found.every(({ left }) => left === 0) ? [] : await clusters.findTroubles();
    const stopped = found.flatMap(({ source: stream, isBehind, left, answers, upTo = -1 }) => {
      const reason = troubles.find(
        ({ vhost, name }) => vhost === stream.vhost && name === shovelName(stream),
      )?.reason;
      const why = isBehind
        ? "its shovel began anew"
        : (reason ?? (answers === patience ? "nothing is carried" : undefined));
      return why === undefined || left === undefined ? [] : [{ stream, why, upTo }];
    });
    for (const { stream, why, upTo } of stopped)
      clusters.report(`${stream.name} goes on after offset ${upTo}: ${why}`);
    if (stopped.length > 0) await clusters.endShovelsOf(stopped.map(({ stream }) => stream));
    const carried = found.flatMap(({ source: { key, vhost, name }, target: there, upTo }) =>
      there === undefined || upTo === undefined ? [] : [{ key, vhost, name, upTo }],
    );
    if (carried.length > 0) await clusters.carryStreams(direction, carried);
    return found.map(({ source: { key, vhost, name }, left }) => ({
      key,
      vhost,
      name,
      messages: left,
      consumers: 0,
    }));
  }

  /** Whether it has had an answer of a stream. */
  get isCarrying(): boolean {
    return this.#progress.size > 0;
  }

  /** @returns whether the target has all that the source has, as far as its last messages say */
  async isWhole(source: readonly StreamTail[], target: readonly StreamTail[]): Promise<boolean> {
    const pairs = pairsOf(source, target, await this.#known(), this.#args.direction);
    return pairs.every((pair) => pair.source.last !== undefined && carriedUpTo(pair) === pair.source.last);
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
  #advance(pair: StreamPair): {
    readonly upTo: number | undefined;
    readonly left: number | undefined;
    readonly answers: number;
    readonly isBehind: boolean;
  } {
    const { key, last } = pair.source;
    const said = carriedUpTo(pair);
    const before = this.#progress.get(key);
    if (said === undefined || last === undefined)
      return { upTo: before?.upTo, left: undefined, answers: 0, isBehind: false };
    const upTo = Math.max(said, before?.upTo ?? -1);
    // A source that is shorter than what was carried is another stream of that name.
    const left = upTo > last ? undefined : last - upTo;
    const isSame = upTo === before?.upTo && before.left !== 0 && left !== 0;
    const answers = isSame ? (before.answers % patience) + 1 : 0;
    this.#progress.set(key, { said, upTo, left, answers });
    return { upTo, left, answers, isBehind: before !== undefined && said < before.said };
  }
}

function pairsOf(
  source: readonly StreamTail[],
  target: readonly StreamTail[],
  agreements: Agreements,
  direction: "forth" | "back",
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
