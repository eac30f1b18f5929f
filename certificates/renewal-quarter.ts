/** The quarters of a year: the first `up` of each one renews the certificates. */

/** @returns its name, such as `2026-q4` */
export function quarterOf(now: Date): string {
  return `${now.getUTCFullYear()}-q${quarterIndex(now) + 1}`;
}

/** @returns when the quarter after it begins */
export function nextQuarter(now: Date): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), 3 * (quarterIndex(now) + 1)));
}

function quarterIndex(now: Date): number {
  return Math.floor(now.getUTCMonth() / 3);
}
