/** What the benchmark asks of each of the tools that it sets side by side. */
import { on } from "../labs/hosts.ts";
import type { Site } from "./site.ts";

/** One thing to be timed on a system that is there. */
export interface Change {
  readonly part: "nochange" | "setting" | "rolling";
  readonly what: string;
  /** @returns seconds. @throws when it did not do what it should */
  readonly run: () => Promise<number>;
}

/** One lab of one tool. */
export interface Lab {
  readonly site: Site;
  /** From nothing, hosts included, to the end state. @returns seconds */
  make(): Promise<number>;
  /** What is timed on the finished system, in this order. */
  readonly changes: readonly Change[];
  /** Takes everything away. Not timed, and never in vain. */
  remove(): Promise<void>;
}

export interface Tool {
  readonly name: string;
  /** Makes ready what needs no host, for that many brokers. Not timed. */
  open(size: number): Promise<Lab>;
  /** Removes what an earlier run has left on this machine. */
  sweep(): Promise<void>;
}

/** What all of them are given. */
export interface Surroundings {
  readonly signal: AbortSignal;
  /** Of the lab's base image; known once the program has made it. */
  readonly image: () => Promise<string>;
}

/** The largest cluster that is measured. */
export const largest = 7;
/** Seconds that making one lab may take. */
export const patience = 900;

/** @throws when a broker does not run with this limit of channels */
export async function haveChannels(at: Site, limit: number): Promise<void> {
  const ask = "rabbitmqctl -q eval 'application:get_env(rabbit, channel_max).' </dev/null";
  for (const broker of at.brokers) {
    const answer = await on(broker, ask);
    if (answer.trim() !== `{ok,${limit}}`) {
      throw new Error(`${broker} has channel_max ${answer.trim()}, not ${limit}`);
    }
  }
}

/** Waits until HAProxy on both balancers has read this limit. @throws when one has not after a few seconds */
export async function hasLimit(at: Site, limit: number): Promise<void> {
  // The statistics know what the running process has read; the file knows only what it should read.
  const ask = `echo show stat | socat -T 3 stdio unix-connect:/run/haproxy/admin.sock |
    awk -F, '$1 == "rabbitmq_cluster" && $2 == "FRONTEND" { print $7 }'`;
  for (const balancer of at.balancers) {
    const deadline = Date.now() + 5000;
    for (;;) {
      const answer = await on(balancer, ask).catch(() => "nothing");
      if (Number(answer) === limit) break;
      if (Date.now() > deadline) throw new Error(`${balancer} has the limit ${answer.trim()}, not ${limit}`);
    }
  }
}
