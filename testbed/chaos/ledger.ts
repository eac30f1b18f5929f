/** The record of one load: messages published, confirmed and received, and the times without a confirm. */

import type { TimeSpan } from "./timeline.ts";

/** Milliseconds without a confirm after which a publisher counts as standing still. */
const gapThresholdMs = 1000;

export interface Balance {
  readonly confirmed: number;
  /** Confirmed, and never received by any consumer. */
  readonly lost: readonly string[];
  /** Deliveries after the first of the same message, because it was redelivered or published twice. */
  readonly duplicates: number;
  /** Messages that a broker returned because no queue took them; they were published again. */
  readonly returned: number;
}

/** @returns the part of a gap that lies within a span, in milliseconds */
function overlapMs({ from, to }: TimeSpan, span: TimeSpan): number {
  return Math.max(0, Math.min(to, span.to) - Math.max(from, span.from));
}

/**
 * @param times of the confirms, ascending
 * @returns the gaps between successive confirms that overlap the span. The span itself bounds the gap before the first
 * confirm and the one after the last
 */
export function findGaps(times: readonly number[], span: TimeSpan): TimeSpan[] {
  const edges = [Math.min(span.from, times[0] ?? span.from), ...times, Math.max(span.to, times.at(-1) ?? 0)];
  return edges
    .slice(1)
    .map((to, index) => ({ from: edges[index] ?? to, to }))
    .filter((gap) => gap.to > span.from && gap.from < span.to);
}

/** The records of publishers, by name. */
export class Ledger {
  readonly #confirmed = new Map<string, Set<number>>();
  readonly #confirmTimes = new Map<string, number[]>();
  readonly #deliveryCounts = new Map<string, number>();
  #returnedCount = 0;

  /** @param publishers the names of all, since one that never gets a confirm counts too */
  constructor(publishers: readonly string[]) {
    for (const name of publishers) {
      this.#confirmed.set(name, new Set());
      this.#confirmTimes.set(name, []);
    }
  }

  get publishers(): readonly string[] {
    return [...this.#confirmTimes.keys()];
  }

  confirm(publisher: string, sequence: number, at: number): void {
    this.#confirmed.get(publisher)?.add(sequence);
    this.#confirmTimes.get(publisher)?.push(at);
  }

  countReturned(): void {
    this.#returnedCount += 1;
  }

  receive(id: string): void {
    this.#deliveryCounts.set(id, (this.#deliveryCounts.get(id) ?? 0) + 1);
  }

  /** @returns the longest time within the span in which a publisher got no confirm, in milliseconds */
  longestGapMs(span: TimeSpan): number {
    return Math.max(0, ...[...this.#confirmTimes.values()].map((times) => longestGapIn(times, span)));
  }

  /** As `longestGapMs`, of some publishers. */
  longestGapOfMs(publishers: readonly string[], span: TimeSpan): number {
    return Math.max(0, ...publishers.map((name) => longestGapIn(this.#confirmTimes.get(name) ?? [], span)));
  }

  /** @returns the longest time within the span in which no publisher got a confirm, in milliseconds */
  longestSilenceMs(span: TimeSpan): number {
    const all = [...this.#confirmTimes.values()].flat().sort((a, b) => a - b);
    return longestGapIn(all, span);
  }

  /**
   * @returns how long the worst publisher stood still within the span, in milliseconds: the sum of its gaps of a second
   * or more, so that two successive gaps count more than one
   */
  stoodStillMs(span: TimeSpan): number {
    const sums = [...this.#confirmTimes.values()].map((times) =>
      findGaps(times, span)
        .map((gap) => overlapMs(gap, span))
        .filter((length) => length >= gapThresholdMs)
        .reduce((sum, length) => sum + length, 0),
    );
    return Math.max(0, ...sums);
  }

  balance(): Balance {
    const ids = [...this.#confirmed].flatMap(([name, sequences]) =>
      [...sequences].map((sequence) => messageIdOf(name, sequence)),
    );
    const deliveries = [...this.#deliveryCounts.values()].reduce((sum, count) => sum + count, 0);
    return {
      confirmed: ids.length,
      lost: ids.filter((id) => !this.#deliveryCounts.has(id)),
      duplicates: deliveries - this.#deliveryCounts.size,
      returned: this.#returnedCount,
    };
  }
}

function longestGapIn(times: readonly number[], span: TimeSpan): number {
  return findGaps(times, span).reduce((most, gap) => Math.max(most, overlapMs(gap, span)), 0);
}

/**
 * @param ids of messages, ascending for each publisher
 * @returns the sequence numbers of each publisher's messages as ranges, such as `3-26, 30`
 */
export function rangesByPublisher(ids: readonly string[]): ReadonlyMap<string, string> {
  const ranges = new Map<string, { readonly from: number; to: number }[]>();
  for (const id of ids) {
    const slash = id.lastIndexOf("/");
    const sequence = Number(id.slice(slash + 1));
    const all = ranges.get(id.slice(0, slash)) ?? [];
    const last = all.at(-1);
    if (last?.to === sequence - 1) last.to = sequence;
    else all.push({ from: sequence, to: sequence });
    ranges.set(id.slice(0, slash), all);
  }
  const text = ({ from, to }: { readonly from: number; readonly to: number }): string =>
    from === to ? String(from) : `${from}-${to}`;
  return new Map([...ranges].map(([publisher, all]) => [publisher, all.map(text).join(", ")]));
}

/** @returns the message id */
export function messageIdOf(publisher: string, sequence: number): string {
  return `${publisher}/${sequence}`;
}
