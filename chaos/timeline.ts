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
 * @returns how many milliseconds of the span went by until every client that set out was served; undefined when the
 * last one was not, or when none set out
 */
export function untilServed(probes: readonly Probe[], { from, to }: Span): number | undefined {
  const within = probes.filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at);
  const lastFailure = within.findLastIndex(({ served }) => !served);
  if (lastFailure === -1) return within.length === 0 ? undefined : 0;
  const first = within[lastFailure + 1];
  return first === undefined ? undefined : first.at - from;
}
