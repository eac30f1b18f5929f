/** The hosts that one of the tools has put its system on, and what can be asked of them. */
import { connect } from "node:net";
import { run } from "./command.ts";

export const containersConf = "/var/lib/rabbitmq-ha-lab/containers.conf";
/** The environment in which podman knows the lab's containers. */
export const podmanEnv: NodeJS.ProcessEnv = { ...process.env, CONTAINERS_CONF: containersConf };

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

/** Runs a script in bash on a host. @returns what it printed */
export async function on(host: string, script: string, deadline = 60): Promise<string> {
  const command = ["podman", "exec", "-i", host, "bash", "-s"] as const;
  return (await run(command, { env: podmanEnv, deadline, input: script })).stdout;
}

export async function podman(...args: string[]): Promise<string> {
  return (await run(["podman", ...args], { env: podmanEnv, deadline: 60 })).stdout;
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

/** The eight bytes by which an AMQP 0-9-1 client opens (section 4.2.2 of its specification). */
const hello = Buffer.from("AMQP\0\0\x09\x01", "latin1");

/** @returns whether a new connection was answered by a broker (not just taken by a balancer) within the time */
export async function answers(host: string, timeout: number, port = 5672): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), timeout);
    socket.once("connect", () => socket.write(hello));
    // Connection.Start is a method frame, so its first byte is 1.
    socket.once("data", (data: Buffer) => end(data[0] === 1));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

/** Removes by force whatever is left of a site on this machine; the names are the benchmark's own. */
export async function sweep(at: Site, network: string): Promise<void> {
  const quiet = async (...command: [string, ...string[]]): Promise<void> => {
    await run(command, { env: podmanEnv, deadline: 60 }).catch(() => undefined);
  };
  await quiet("podman", "rm", "-f", "-t", "0", "--ignore", ...at.brokers, ...at.balancers);
  await quiet("podman", "network", "rm", "-f", network);
  await quiet("ip", "route", "del", "unreachable", `192.168.${at.net}.0/24`);
}
