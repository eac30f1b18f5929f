/** How many log-ins at once a machine's sshd takes, as it says of itself. */
import { splitAtSpace } from "./probe-line.ts";

/**
 * The most steps that `up` runs on one host at once, each with a log-in of its own: those on a balancer. sshd's limit on
 * sessions counts within one connection, where there is one, and its penalties are for log-ins that fail.
 */
const loginsAtOnce = 8;

/** The settings that limit log-ins, by which name `sshd -T` prints them. */
const limits = { maxstartups: "MaxStartups", persourcemaxstartups: "PerSourceMaxStartups" } as const;

export interface SshdLimit {
  readonly setting: string;
  /** From so many log-ins at once on it refuses some or all. */
  readonly count: number;
}

/** @returns the limits that are numbers; none if sshd does not say them */
export function parseSshdLimits(all: (key: string) => readonly string[]): SshdLimit[] {
  return all("sshd")
    .map(splitAtSpace)
    .flatMap(([name, value]) => {
      // MaxStartups is START:RATE:FULL.
      const count = parseInt(value, 10);
      if ((name !== "maxstartups" && name !== "persourcemaxstartups") || Number.isNaN(count)) return [];
      return [{ setting: limits[name], count }];
    });
}

/** @returns a line for each machine whose sshd takes fewer log-ins at once than `up` makes; each step tries again */
export function sshdLimitNotices(
  hosts: readonly { readonly label: string; readonly limits: readonly SshdLimit[] }[],
): string[] {
  return hosts.flatMap(({ label, limits }) => {
    const low = limits.filter(({ count }) => count < loginsAtOnce);
    if (low.length === 0) return [];
    const said = low.map(({ setting, count }) => `${setting} ${count}`).join(", ");
    return [
      `${label}: its sshd refuses log-ins from ${said} at once on, and up makes up to ${loginsAtOnce}; each is tried again, which ` +
        `takes longer: raise that to ${loginsAtOnce} or more in its sshd_config.`,
    ];
  });
}
