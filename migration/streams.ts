/**
 * How far a stream is carried. Reading does not empty a stream, so what is left cannot be counted in the source. But a
 * copy keeps the offset at which a shovel read it, as `x-stream-offset`. Consumers see the copy's own offset in its place, in all of
 * RabbitMQ 3.10 to 4.3. So the last message of the target tells how far it is, whatever died.
 */

export interface StreamName {
  readonly key: string;
  readonly vhost: string;
  readonly name: string;
}

/** The end of a stream, as the broker that leads it says. */
export interface StreamTail extends StreamName {
  /** Another one once the stream is deleted and declared again. */
  readonly id: string;
  /** The host of the broker that leads it: others may have no replica, and an older RabbitMQ reads from its own alone. */
  readonly leader: string | undefined;
  /** The offset of the last message, -1 if there is none; undefined where no whole answer came. */
  readonly last: number | undefined;
  /** Where that message was in the source; undefined for one that no shovel has carried. */
  readonly origin: number | undefined;
  /** Up to which offset, exclusive, the log was searched for batches of the stream protocol. */
  readonly searched: number;
  /** Whether there is one, which no shovel carries whole. */
  readonly hasBatch: boolean;
}

/** A place in a stream. */
export interface Place {
  readonly id: string;
  readonly last: number;
}

/** By key: up to where the streams of both clusters hold the same, as of the last move. */
export type Agreements = Readonly<Record<string, { readonly old: Place; readonly new: Place }>>;

/** A stream of the source, and its target as far as it is there. */
export interface StreamPair {
  readonly source: StreamTail;
  readonly target: StreamTail | undefined;
  /** What both held after the last move. */
  readonly agreed: { readonly source: Place; readonly target: Place } | undefined;
}

/** Whether somebody else wrote to the target since the last move. */
export function isForeign({ target, agreed }: StreamPair): boolean {
  return (
    target?.last !== undefined &&
    target.last !== placeIn(target, agreed?.target) &&
    target.origin === undefined
  );
}

/** @returns the offset in the source up to which the target has all, -1 for nothing; undefined if it does not say so */
export function carriedUpTo({ source, target, agreed }: StreamPair): number | undefined {
  const before = placeIn(source, agreed?.source);
  if (target === undefined) return before;
  if (target.last === undefined) return undefined;
  return target.last === placeIn(target, agreed?.target) ? before : target.origin;
}

function placeIn(tail: StreamTail, place: Place | undefined): number {
  return place?.id === tail.id ? place.last : -1;
}

/**
 * For a move from the old cluster that is taken back: streams of the source were empty in the target before the first move.
 * @returns the streams of the target that hold nothing but copies; undefined if one has copies behind what it had before
 * @throws if one does not say what it holds
 */
export function copiesIn(
  target: readonly StreamTail[],
  source: readonly StreamName[],
  agreements: Agreements,
): readonly StreamName[] | undefined {
  const names = new Set(source.map(({ key }) => key));
  const ours = target.filter(({ key }) => names.has(key));
  const silent = ours.find(({ last }) => last === undefined);
  if (silent !== undefined) throw new Error(`no answer for ${silent.name}`);
  const copied = ours.filter(
    (tail) => tail.origin !== undefined && tail.last !== placeIn(tail, agreements[tail.key]?.new),
  );
  return copied.some(({ key }) => agreements[key] !== undefined) ? undefined : copied;
}
