/**
 * The order in which clients and messages move from one cluster to another one, and back. Everything that is asked and
 * done is a `Clusters`, so that each question can fail, hang or be answered in part in a test.
 */
import { listNames } from "../definitions/exported-definitions.ts";
import type { Direction } from "./direction.ts";
import { estimateGap, type Rates, updateRates } from "./gap.ts";
import { areEmpty, type Counted, type Held, type QueueCount, totalOf, unknownOf } from "./queue-counts.ts";
import { isNamedByServer } from "./queues.ts";
import { StreamCarrier, type StreamClusters, type Trouble } from "./stream-carrier.ts";
import type { Agreements, StreamTail } from "./streams.ts";

/**
 * How far a move is:
 * - `carrying`: clients use the source; queues without consumers are carried already
 * - `closing`: no client may use the source any more; the rest is carried
 * - `opening`: the source was empty and stays closed; clients may use the target from now on
 * - `moved`: the balancers lead to the target
 * - `stopping`: the migration is being ended (finish.ts), and nothing leads back
 */
export type Phase = "carrying" | "closing" | "opening" | "moved" | "stopping";

/** What a cluster keeps of a move, so that the next run of the command knows how far it is. */
export interface Note {
  readonly direction: Direction;
  readonly phase: Phase;
}

export interface Fenced extends Held {
  /** Connections of clients that have not ended yet. */
  readonly connections: number;
  /** Whose they are. */
  readonly users: readonly string[];
}

export interface Clusters extends StreamClusters {
  /** @returns undefined if no move has begun @throws if the cluster does not say it for sure */
  readNote(): Promise<Note | undefined>;
  /** @param agreements of the streams, to be kept with it; their shovels are ended before */
  writeNote(note: Note, agreements?: Agreements): Promise<void>;
  removeNote(): Promise<void>;
  /** Makes the target able to take what the source has; nothing of it is visible to a client. */
  prepare(direction: Direction): Promise<Prepared>;
  /** @returns the queues of the source that hold messages of their own @throws unless the answer is whole */
  countSource(direction: Direction): Promise<Counted>;
  /** @returns what the shovels' target holds @throws unless the answer is whole */
  countTarget(direction: Direction): Promise<Held>;
  /** @returns the ends of the target's streams @throws unless the answer is whole */
  tailTarget(direction: Direction): Promise<readonly StreamTail[]>;
  /** Carries these queues from now on. */
  carry(direction: Direction, queues: readonly QueueCount[]): Promise<void>;
  /** Has these queues be carried as soon as the source is fenced. */
  carryOnceFenced(direction: Direction, queues: readonly QueueCount[]): Promise<void>;
  /** Has the balancers serve nobody. One that does not answer is left: the fence keeps its clients out. */
  freeze(): Promise<void>;
  /**
   * Lets no client log in to the source, whatever way it takes, ends the connections that there are, and waits some
   * seconds for the queues to be empty. On the way back it notes `opening` then, if there is no stream. @throws unless the
   * answer is whole, and as `permit`
   */
  fence(direction: Direction): Promise<Fenced>;
  /** Makes on the target the queues that the source got since `prepare`. */
  prepareLate(direction: Direction, queues: readonly QueueCount[]): Promise<void>;
  /**
   * Lets clients log in to the target; that they may is noted before. @param agreements as for `writeNote` @throws if the
   * cluster's note does not say that clients wait in this direction
   */
  permit(direction: Direction, agreements: Agreements | undefined): Promise<void>;
  /** Writes the balancers' configuration, which they do not read yet. What fails is done by `open`. */
  stage(direction: Direction): Promise<void>;
  /** Leads the balancers to the target, if they do not yet. Ends only once the one with the address does it. */
  open(direction: Direction): Promise<void>;
  /** Ends the shovels of this direction: those of the other one have the same names. */
  endShovels(direction: Direction): Promise<void>;
  /** Ends the shovels, and writes the stack's configuration. */
  settle(direction: Direction): Promise<void>;
  /** Takes back all that was made, if no message has been carried. @returns whether that was so */
  cancel(direction: Direction): Promise<boolean>;
  /** @returns the shovels that do not run */
  findTroubles(): Promise<readonly Trouble[]>;
  pause(seconds: number): Promise<void>;
}

export interface Prepared {
  /** By `queueKey`: why a queue is not carried before the source is closed. */
  readonly notAhead: ReadonlyMap<string, string>;
}

export interface MoveOptions {
  /** The source is closed once what is left is carried within this time, as far as can be told. */
  readonly maxGapSeconds: number;
  /** Whether what streams hold stays where it is. */
  readonly leavesStreams: boolean;
}

export type Outcome = "moved" | "already" | "cancelled" | "nothing" | "stopping";

/** Between two looks at the queues while clients use the source. */
const carryIntervalSeconds = 2;
/** Between two tries of what is not answered. */
const retrySeconds = 1;
/** Fewer messages are not worth a shovel before the source is closed. */
const aheadFrom = 200;

export async function move(clusters: Clusters, wanted: Direction, options: MoveOptions): Promise<Outcome> {
  const found = await clusters.readNote();
  // A run that was killed may have written it to one of the clusters alone, and each refuses what its own does not say.
  if (found !== undefined && found.phase !== "moved" && found.phase !== "stopping")
    await untilAnswered(clusters, () => clusters.writeNote(found));
  const carrierOf = (direction: Direction): StreamCarrier =>
    new StreamCarrier({ clusters, direction, leavesStreams: options.leavesStreams });
  const first = await turn(clusters, found, wanted, { ...options, carrierOf });
  // A balancer that was away when the clients moved is led to where they are now.
  if (first === "already") await clusters.open(wanted);
  if (typeof first === "string") return first;
  let note = first;
  const enter = async (phase: Phase): Promise<void> => {
    note = { ...note, phase };
    await clusters.writeNote(note);
  };
  const streams = carrierOf(wanted);
  if (note.phase === "carrying") {
    await carryAhead(clusters, wanted, streams, options);
    await enter("closing");
  }
  const agreements = note.phase === "closing" ? await close(clusters, wanted, streams) : undefined;
  await letIn(clusters, wanted, agreements);
  await enter("moved");
  return "moved";
}

/**
 * Decides what a run begins with.
 * @returns the outcome if there is nothing to do, or the note with which it goes on
 */
async function turn(
  clusters: Clusters,
  found: Note | undefined,
  wanted: Direction,
  { carrierOf, ...options }: MoveOptions & { readonly carrierOf: (direction: Direction) => StreamCarrier },
): Promise<Note | Outcome> {
  const begin = async (phase: "carrying" | "closing", agreements?: Agreements): Promise<Note> => {
    const note = { direction: wanted, phase };
    await clusters.writeNote(note, agreements);
    return note;
  };
  // Ends what has begun the other way, for which no client may use a cluster any more.
  const turnRound = async (other: Direction, streams = carrierOf(other)): Promise<Note> => {
    const agreements = await close(clusters, other, streams);
    await untilAnswered(clusters, () => clusters.endShovels(other));
    return untilAnswered(clusters, () => begin("closing", agreements));
  };
  if (found === undefined) return wanted === "forth" ? begin("carrying") : "nothing";
  if (found.phase === "stopping") return "stopping";
  if (found.direction === wanted) return found.phase === "moved" ? "already" : found;
  const other = found.direction;
  switch (found.phase) {
    case "moved":
      return begin("carrying");
    case "opening":
      // Clients may use either cluster meanwhile, so this is done to its end first.
      await letIn(clusters, other);
      await clusters.writeNote({ direction: other, phase: "moved" });
      return begin("carrying");
    case "carrying": {
      if (await untilAnswered(clusters, () => clusters.cancel(other))) {
        await restoreNote(clusters, other);
        return "cancelled";
      }
      clusters.report(
        "messages are carried already: what is left goes the same way first, so that all come back in order",
      );
      const streams = carrierOf(other);
      await carryAhead(clusters, other, streams, options);
      await clusters.writeNote({ direction: other, phase: "closing" });
      return turnRound(other, streams);
    }
    case "closing":
      return turnRound(other);
  }
}

/** The source is fenced and empty, so whatever of this is done first does no harm. */
async function letIn(clusters: Clusters, direction: Direction, agreements?: Agreements): Promise<void> {
  await Promise.all([
    untilAnswered(clusters, () => clusters.permit(direction, agreements)),
    clusters.stage(direction),
  ]);
  await clusters.open(direction);
  await clusters.settle(direction);
}

/** A move that never was leaves what was before it: what streams agree in is of a move back. */
async function restoreNote(clusters: Clusters, direction: Direction): Promise<void> {
  const isFirst = direction === "forth" && Object.keys(await clusters.readAgreements()).length === 0;
  if (isFirst) await clusters.removeNote();
  else await clusters.writeNote({ direction: direction === "forth" ? "back" : "forth", phase: "moved" });
}

/** Carries the queues that nobody consumes, and what streams hold, until the rest is small and each broker could be fenced. */
async function carryAhead(
  clusters: Clusters,
  direction: Direction,
  streams: StreamCarrier,
  { maxGapSeconds }: MoveOptions,
): Promise<void> {
  clusters.report("making what the target lacks; clients notice nothing yet");
  const { notAhead } = await clusters.prepare(direction);
  const begun = new Set<string>();
  let rates: Rates = {};
  for (;;) {
    try {
      const [target, source] = [await clusters.countTarget(direction), await clusters.countSource(direction)];
      rates = updateRates(rates, target, performance.now());
      const named = source.queues.filter(({ name }) => !isNamedByServer(name));
      const unnamed = source.queues.filter(({ name }) => isNamedByServer(name));
      const next = named.filter(
        (queue) =>
          !begun.has(queue.key) &&
          !notAhead.has(queue.key) &&
          queue.consumers === 0 &&
          (queue.messages ?? 0) >= aheadFrom,
      );
      if (next.length > 0) {
        clusters.report(`carrying what nobody consumes: ${shownNamesOf(next)}`);
        await clusters.carry(direction, next);
      }
      for (const { key } of next) begun.add(key);
      const { counts, obstacles } = await streams.carry(source.streams, target.streams, () =>
        clusters.findTroubles(),
      );
      const there = new Set(target.streams.map(({ key }) => key));
      const absent = counts.filter(({ key }) => !there.has(key));
      if (absent.length > 0) await clusters.prepareLate(direction, absent);
      const left = [...source.queues, ...counts];
      const estimate = estimateGap(left, rates);
      const reasons = [
        ...silentMessages(left, target.queues),
        ...source.away.map(awayMessage),
        ...unnamed.filter(({ messages }) => messages !== 0).map(unnamedMessage),
        ...obstacles,
      ];
      if (reasons.length > 0) clusters.report(reasons.join("; "));
      else if (estimate.seconds <= maxGapSeconds) {
        const rest = named.filter(({ key }) => !begun.has(key));
        clusters.report(`making ready to carry the rest (${rest.length} queues); clients notice nothing yet`);
        await clusters.carryOnceFenced(direction, rest);
        clusters.report(`${totalOf(left)} messages are left; clients wait from now on`);
        return;
      } else {
        clusters.report(
          `${totalOf(left)} messages are left, about ${estimate.seconds.toFixed(1)} s; waiting for ${estimate.slowest} ` +
            `(at most ${maxGapSeconds} s: --max-gap)`,
        );
      }
    } catch (error) {
      clusters.report(reasonOf(error));
    }
    await clusters.pause(carryIntervalSeconds);
  }
}

/** Clients would wait for a queue that does not answer, of which nothing is known, or which takes no message. */
function silentMessages(left: readonly QueueCount[], target: readonly QueueCount[]): string[] {
  const wanted = new Set(left.map(({ key }) => key));
  const [here, there] = [unknownOf(left), unknownOf(target).filter(({ key }) => wanted.has(key))];
  return [
    ...(here.length === 0 ? [] : [`no answer for ${shownNamesOf(here)}`]),
    ...(there.length === 0 ? [] : [`no answer for ${shownNamesOf(there)} where its messages go`]),
  ];
}

function unnamedMessage({ name, messages }: QueueCount): string {
  return `${name} holds ${messages === undefined ? "what nobody says" : `${messages} messages`}, and the target cannot have a queue of such a name: have them consumed, or delete it`;
}

/** The fence stands only once each broker of the source has answered, and clients would wait for that. */
function awayMessage(host: string): string {
  return `${host} does not run, and clients go on using its cluster: start its broker, or forget it there (rabbitmqctl forget_cluster_node)`;
}

/**
 * Lets no client use the source, and carries all that it has. Ends only after a whole answer that nothing is left.
 * @returns up to where the streams of both clusters hold the same; undefined if there is none
 */
async function close(
  clusters: Clusters,
  direction: Direction,
  streams: StreamCarrier,
): Promise<Agreements | undefined> {
  await untilAnswered(clusters, () => streams.leave());
  await clusters.freeze();
  return untilAnswered(clusters, async () => {
    const early = streams.isCarrying ? soon(clusters, () => clusters.tailTarget(direction)) : undefined;
    // Fenced each time: a broker that was away may have had clients.
    const { connections, users, ...source } = await clusters.fence(direction);
    if (connections > 0) throw new Error(`${connections} connections are still open, of ${shown(users)}`);
    const found = await early;
    const left = source.queues.filter(({ messages }) => messages !== 0);
    const targetTails = async (): Promise<readonly StreamTail[]> => {
      if (source.streams.length === 0) return [];
      // Where queues are not empty there is another round, so an answer of a second ago will do.
      const willDo =
        found !== undefined && (left.length > 0 || (await streams.isWhole(source.streams, found)));
      return willDo ? found : clusters.tailTarget(direction);
    };
    const target = await targetTails();
    let troubles: Promise<readonly Trouble[]> | undefined;
    const findTroubles = (): Promise<readonly Trouble[]> => (troubles ??= clusters.findTroubles());
    const { counts, obstacles } = await streams.carry(source.streams, target, findTroubles);
    if (areEmpty([...left, ...counts]) && obstacles.length === 0) {
      clusters.report("no message is left");
      return streams.agreements(source.streams, target);
    }
    const streamsLeft = counts.filter(({ messages }) => messages !== 0);
    if (streamsLeft.length > 0) await clusters.prepareLate(direction, streamsLeft);
    await clusters.carry(
      direction,
      left.filter(({ name }) => !isNamedByServer(name)),
    );
    for (const queue of left.filter(({ name }) => isNamedByServer(name)))
      clusters.report(unnamedMessage(queue));
    for (const { name, reason } of await findTroubles())
      clusters.report(`shovel ${name} does not run: ${reason}`);
    throw new Error(leftMessage([...left, ...counts], obstacles));
  });
}

/** While the fence begins to stand, what is left comes in: asked then, clients need not wait for the answer alone. */
const soonSeconds = 1;

/** @returns undefined without an answer */
async function soon<T>(clusters: Clusters, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    await clusters.pause(soonSeconds);
    return await ask();
  } catch {
    return undefined;
  }
}

function leftMessage(queues: readonly QueueCount[], obstacles: readonly string[]): string {
  const [unknown, held] = [unknownOf(queues), queues.filter(({ messages = 0 }) => messages > 0)];
  return [
    ...(held.length === 0 ? [] : [`${totalOf(held)} messages are left in ${shownNamesOf(held)}`]),
    ...(unknown.length === 0 ? [] : [`no answer for ${shownNamesOf(unknown)}`]),
    ...obstacles,
  ].join(", and ");
}

/** Tries until it succeeds; only a person ends it, and the next run goes on. */
async function untilAnswered<T>(clusters: Clusters, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      clusters.report(reasonOf(error));
    }
    await clusters.pause(retrySeconds);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const shownNames = 5;

/** @returns the names of some queues, for a message */
export function shownNamesOf(queues: readonly QueueCount[]): string {
  return shown(queues.map(({ name }) => name));
}

function shown(names: readonly string[]): string {
  return listNames(names, shownNames);
}
