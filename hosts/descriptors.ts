/** How many files and sockets HAProxy needs for its connections, and how many the kernel and systemd give it. */

/**
 * Beside two for each connection (its limits.c, compute_ideal_maxsock): listeners, checks, ten in reserve, and three for
 * each of its threads, of which there are at most some hundreds.
 */
const otherDescriptors = 4096;

/** The most that a process may have: the kernel's own fs.nr_open, which no system of the list lowers. */
const kernelLimit = 1_048_576;

/** The most that systemd lets a unit have by itself (its NEWS, 240). */
const systemdLimit = 524_288;

/** The most connections that HAProxy can have on a host. */
export const maxConnectionsPossible = (kernelLimit - otherDescriptors) / 2;

/** A command that succeeds where systemd can give a unit this limit; in a container it may not be able to. */
export function descriptorCheck(limit: number): string {
  const property = `--property=LimitNOFILE=${String(limit)}`;
  return `systemd-run --quiet --wait --pipe --collect ${property} prlimit --nofile=${String(limit)} true`;
}

/** @returns the limit that HAProxy's unit has to be given; 0 if systemd's own is enough */
export function descriptorLimit(maxConnections: number): number {
  const needed = 2 * maxConnections + otherDescriptors;
  return needed > systemdLimit ? needed : 0;
}
