/** How many log-ins at once a machine's sshd takes, as it says of itself. */
import { splitAtSpace } from "./probe-line.ts";

/**
 * The most steps that `up` runs on one host at once, each with a log-in of its own; plug-ins' files, TLS and the agent
 * check add three on a broker. sshd's limit on sessions counts within one connection, where there is one, and its
 * penalties are for log-ins that fail.
 */
export const loginsAtOnce = 9;

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

/**
 * @param wanted the log-ins at once that `up` makes
 * @returns a line for each host whose sshd takes fewer; each step tries again
 */
export function sshdLimitNotices(
  hosts: readonly { readonly label: string; readonly limits: readonly SshdLimit[] }[],
  wanted = loginsAtOnce,
): string[] {
  return hosts.flatMap(({ label, limits }) => {
    const low = limits.filter(({ count }) => count < wanted);
    if (low.length === 0) return [];
    const said = low.map(({ setting, count }) => `${setting} ${count}`).join(", ");
    return [
      `${label}: its sshd refuses log-ins from ${said} at once on, and up makes up to ${wanted}; each is tried again, which ` +
        `takes longer: raise that to ${wanted} or more in its sshd_config.`,
    ];
  });
}
