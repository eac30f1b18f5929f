/** The books of one load: what was published, confirmed and received, and for how long no confirm came. */

import type { Span } from "./timeline.ts";

/** Milliseconds without a confirm from which on a publisher counts as standing still. */
export const standstill = 1000;

export interface Balance {
  readonly confirmed: number;
  /** Confirmed, and never received by any consumer. */
  readonly lost: readonly string[];
  /** Deliveries beyond the first of the same message, redelivered or published twice. */
  readonly duplicates: number;
  /** Messages that a broker gave back because no queue took them; they were published again. */
  readonly returned: number;
}

/** @returns how long a gap lasts within a span, in milliseconds */
function within({ from, to }: Span, span: Span): number {
  return Math.max(0, Math.min(to, span.to) - Math.max(from, span.from));
}

/**
 * @param times when confirms came, ascending
 * @returns the times between two confirms in a row that touch the span; before the first and after the last confirm
 * the span itself is the edge
 */
export function gaps(times: readonly number[], span: Span): Span[] {
  const edges = [Math.min(span.from, times[0] ?? span.from), ...times, Math.max(span.to, times.at(-1) ?? 0)];
  return edges
    .slice(1)
    .map((to, index) => ({ from: edges[index] ?? to, to }))
    .filter((gap) => gap.to > span.from && gap.from < span.to);
}

/** The books of publishers, by their names. */
export class Ledger {
  readonly #confirmed = new Map<string, Set<number>>();
  readonly #times = new Map<string, number[]>();
  readonly #received = new Map<string, number>();
  #returned = 0;

  /** @param publishers all of them, since one that never has a confirm counts too */
  constructor(publishers: readonly string[]) {
    for (const name of publishers) {
      this.#confirmed.set(name, new Set());
      this.#times.set(name, []);
    }
  }

  get publishers(): readonly string[] {
    return [...this.#times.keys()];
  }

  confirm(publisher: string, sequence: number, at: number): void {
    this.#confirmed.get(publisher)?.add(sequence);
    this.#times.get(publisher)?.push(at);
  }

  giveBack(): void {
    this.#returned += 1;
  }

  receive(id: string): void {
    this.#received.set(id, (this.#received.get(id) ?? 0) + 1);
  }

  /** @returns the longest time within the span in which some publisher had no confirm, in milliseconds */
  longestGap(span: Span): number {
    return Math.max(0, ...[...this.#times.values()].map((times) => longest(times, span)));
  }

  /** @returns the longest time within the span in which no publisher at all had a confirm, in milliseconds */
  longestSilence(span: Span): number {
    const all = [...this.#times.values()].flat().sort((a, b) => a - b);
    return longest(all, span);
  }

  /**
   * @returns for how long of the span the publisher that fared worst stood still: the sum of its gaps of a second and
   * more, so that two gaps in a row are worse than one; in milliseconds
   */
  stoodStill(span: Span): number {
    const sums = [...this.#times.values()].map((times) =>
      gaps(times, span)
        .map((gap) => within(gap, span))
        .filter((length) => length >= standstill)
        .reduce((sum, length) => sum + length, 0),
    );
    return Math.max(0, ...sums);
  }

  balance(): Balance {
    const ids = [...this.#confirmed].flatMap(([name, sequences]) =>
      [...sequences].map((sequence) => idOf(name, sequence)),
    );
    const deliveries = [...this.#received.values()].reduce((sum, count) => sum + count, 0);
    return {
      confirmed: ids.length,
      lost: ids.filter((id) => !this.#received.has(id)),
      duplicates: deliveries - this.#received.size,
      returned: this.#returned,
    };
  }
}

function longest(times: readonly number[], span: Span): number {
  return gaps(times, span).reduce((most, gap) => Math.max(most, within(gap, span)), 0);
}

/** @returns the id that a message carries */
export function idOf(publisher: string, sequence: number): string {
  return `${publisher}/${sequence}`;
}
