/** What became of the virtual address over time, read from what was seen. Times are milliseconds of one clock. */

/** A host takes the address, or gives it up. */
export interface Change {
  readonly at: number;
  readonly host: string;
  readonly holds: boolean;
}

/** A client tried to be served through the address. */
export interface Probe {
  /** When it set out. */
  readonly at: number;
  readonly served: boolean;
}

/** From one moment to another. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * @returns the milliseconds from the span's begin until the address, if it moved, was with one and only one host, and
 * every later time in it with none or several: a balancer that has recovered takes the address back within the span;
 * undefined when it ends with none or several
 */
export function untilOneHolder(changes: readonly Change[], { from, to }: Span): number | undefined {
  const holders = new Set<string>();
  let sum = 0;
  let moved = false;
  // Since when it has not been with exactly one.
  let since: number | undefined = from;
  for (const { at, host, holds } of [...changes].sort((a, b) => a.at - b.at)) {
    if (at > to) break;
    if (holds) holders.add(host);
    else holders.delete(host);
    const one = holders.size === 1;
    if (at < from) since = one ? undefined : from;
    else if (one) {
      // The first move began with the fault, whatever was seen of it in between.
      sum += at - (moved ? (since ?? at) : from);
      moved = true;
      since = undefined;
    } else since ??= at;
  }
  return since === undefined ? sum : undefined;
}

/** @returns the most hosts that held the address at the same time within the span */
export function mostHolders(changes: readonly Change[], { from, to }: Span): number {
  const holders = new Set<string>();
  let before = 0;
  let most = 0;
  for (const { at, host, holds } of [...changes].sort((a, b) => a.at - b.at)) {
    if (at > to) break;
    if (holds) holders.add(host);
    else holders.delete(host);
    if (at <= from) before = holders.size;
    else most = Math.max(most, holders.size);
  }
  return Math.max(before, most);
}

/**
 * @returns for how many milliseconds of the span, all in all, clients that set out were not served: each time from the
 * first of them (at the span's begin: from there) to the next one that was; undefined when the last one was not, or
 * when none set out
 */
export function unserved(probes: readonly Probe[], { from, to }: Span): number | undefined {
  const within = probes.filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at);
  if (within.at(-1)?.served !== true) return undefined;
  let sum = 0;
  let since: number | undefined = undefined;
  for (const [index, { at, served }] of within.entries()) {
    if (!served) since ??= index === 0 ? from : at;
    else if (since !== undefined) {
      sum += at - since;
      since = undefined;
    }
  }
  return sum;
}
