/** Who held the virtual address and how it was served, over time. Times are milliseconds of one clock. */

/** A host takes or releases the address. */
export interface HolderChange {
  readonly at: number;
  readonly host: string;
  readonly holds: boolean;
}

/** A new client's attempt to be served through the address. */
export interface ClientProbe {
  /** Start of the attempt. */
  readonly at: number;
  readonly served: boolean;
}

/** A time span. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/**
 * @returns milliseconds from the start of the span until exactly one host held the address, if it moved, plus every
 * later time in the span with no holder or several: a balancer that has recovered takes the address back within the
 * span. Undefined when the span ends with no holder or several
 */
export function oneHolderMs(changes: readonly HolderChange[], { from, to }: TimeSpan): number | undefined {
  const holders = new Set<string>();
  let sum = 0;
  let moved = false;
  // Start of the current time without exactly one holder.
  let since: number | undefined = from;
  for (const { at, host, holds } of [...changes].sort((a, b) => a.at - b.at)) {
    if (at > to) break;
    if (holds) holders.add(host);
    else holders.delete(host);
    const one = holders.size === 1;
    if (at < from) since = one ? undefined : from;
    else if (one) {
      // The first move counts from the fault, whatever changes were seen in between.
      sum += at - (moved ? (since ?? at) : from);
      moved = true;
      since = undefined;
    } else since ??= at;
  }
  return since === undefined ? sum : undefined;
}

/** @returns the largest number of hosts that held the address at the same time within the span */
export function maxHolders(changes: readonly HolderChange[], { from, to }: TimeSpan): number {
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
 * @returns milliseconds of the span, in total, in which new clients were not served. Each outage counts from the first
 * client that was not served (for the first client of the span: from the start of the span) to the next one that was.
 * Undefined when the last client was not served, or when there was none
 */
export function unservedMs(probes: readonly ClientProbe[], { from, to }: TimeSpan): number | undefined {
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
