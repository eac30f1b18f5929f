/** The hosts that one of the tools has put its system on, and what can be asked of them. */
import { answers } from "../labs/greeting.ts";
import { on, sweep as sweepLab } from "../labs/hosts.ts";

export interface Site {
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  /** The third number of its network. */
  readonly net: number;
}

/** Names as `LabStack` gives them: `size` brokers and two balancers. */
export function site(prefix: string, net: number, size: number): Site {
  const names = Array.from({ length: size + 2 }, (_, index) => `${prefix}${120 + index}`);
  return { net, brokers: names.slice(0, size), balancers: names.slice(size) };
}

export function virtualAddress({ net }: Pick<Site, "net">): string {
  return `192.168.${net}.100`;
}

export function address({ net }: Site, host: string): string {
  return `192.168.${net}.${host.slice(-3)}`;
}

const upServers = `echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock |
  awk -F, '$1 == "rabbitmq_cluster" && $2 != "BACKEND" && $18 == "UP"' | wc -l`;

/**
 * What all tools have to reach: both balancers see every broker up, exactly one of them holds the virtual address,
 * and AMQP answers there.
 * @returns what is not so, in words; empty when the system is whole
 */
export async function faults(at: Site): Promise<string[]> {
  const found: string[] = [];
  let holders = 0;
  for (const balancer of at.balancers) {
    const script = `${upServers}; ip -o -4 addr | grep -cF ' ${virtualAddress(at)}/' || true`;
    const [up = "", held = ""] = (await on(balancer, script).catch(() => "")).split("\n");
    if (Number(up) !== at.brokers.length) found.push(`${balancer} sees ${up || "no"} brokers up`);
    holders += Number(held);
  }
  if (holders !== 1) found.push(`${holders} hosts hold the virtual address`);
  if (!(await answers(virtualAddress(at), 1000))) found.push("AMQP does not answer at the virtual address");
  return found;
}

/** Waits until the system is whole. @throws when it is not in time, with what is wrong */
export async function whole(at: Site, patience: number): Promise<void> {
  const deadline = Date.now() + patience * 1000;
  for (;;) {
    const found = await faults(at);
    if (found.length === 0) return;
    if (Date.now() > deadline) throw new Error(`not whole after ${patience} s: ${found.join("; ")}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Removes by force whatever is left of a site on this machine; the names are the benchmark's own. */
export async function sweep({ brokers, balancers, net }: Site, network: string): Promise<void> {
  await sweepLab({ hosts: [...brokers, ...balancers], network, net }).catch(() => undefined);
}
