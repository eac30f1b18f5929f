/** The hosts of one tool's system, and checks on them. */
import { brokerAnswers } from "../stacks/amqp-handshake.ts";
import { showStat } from "../stacks/haproxy-statistics.ts";
import { runOn, removeLab as sweepLab } from "../stacks/hosts.ts";

export interface Site {
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  /** The third number of its subnet, 192.168.x.0/24. */
  readonly net: number;
}

/** @returns the site with `size` brokers and two balancers, named as in `LabStack` */
export function siteOf(prefix: string, net: number, size: number): Site {
  const names = Array.from({ length: size + 2 }, (_, index) => `${prefix}${120 + index}`);
  return { net, brokers: names.slice(0, size), balancers: names.slice(size) };
}

export function virtualAddressOf({ net }: Pick<Site, "net">): string {
  return `192.168.${net}.100`;
}

export function addressOf({ net }: Site, host: string): string {
  return `192.168.${net}.${host.slice(-3)}`;
}

const countUpServers = `${showStat} |
  awk -F, '$1 == "rabbitmq_cluster" && $2 != "BACKEND" && $18 == "UP"' | wc -l`;

/**
 * Checks the end state that all tools have to reach: both balancers see every broker up, exactly one of them holds the
 * virtual address, and AMQP answers there.
 * @returns the problems found; empty when the system is healthy
 */
export async function findProblems(at: Site): Promise<string[]> {
  const found: string[] = [];
  let holders = 0;
  for (const balancer of at.balancers) {
    const script = `${countUpServers}; ip -o -4 addr | grep -cF ' ${virtualAddressOf(at)}/' || true`;
    const [up = "", held = ""] = (await runOn(balancer, script).catch(() => "")).split("\n");
    if (Number(up) !== at.brokers.length) found.push(`${balancer} sees ${up || "no"} brokers up`);
    holders += Number(held);
  }
  if (holders !== 1) found.push(`${holders} hosts hold the virtual address`);
  if (!(await brokerAnswers(virtualAddressOf(at), 1000)))
    found.push("AMQP does not answer at the virtual address");
  return found;
}

/** Waits until the system is healthy. @throws with the problems when it is not in time */
export async function waitUntilHealthy(at: Site, timeoutSeconds: number): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const found = await findProblems(at);
    if (found.length === 0) return;
    if (Date.now() > deadline) throw new Error(`not healthy after ${timeoutSeconds} s: ${found.join("; ")}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Removes by force all that is left of a site on this computer; only the benchmark uses these names. */
export async function removeSite({ brokers, balancers, net }: Site, network: string): Promise<void> {
  await sweepLab({ hosts: [...brokers, ...balancers], network, net }).catch(() => undefined);
}
