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

export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * @returns how many milliseconds of the span went by until one and only one host held the address for all the rest of
 * it; undefined when it ends with none or several
 */
export function untilOneHolder(changes: readonly Change[], { from, to }: Span): number | undefined {
  const holders = new Set<string>();
  let since: number | undefined = undefined;
  for (const { at, host, holds } of [...changes].sort((a, b) => a.at - b.at)) {
    if (at > to) break;
    if (holds) holders.add(host);
    else holders.delete(host);
    // Exactly one before and after is still a change where it is another one.
    since = holders.size === 1 ? Math.max(at, from) : undefined;
  }
  return since === undefined ? undefined : since - from;
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
