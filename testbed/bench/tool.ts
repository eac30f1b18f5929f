/** The interface of the tools that the benchmark compares. */
import { showStat } from "../stacks/haproxy-statistics.ts";
import { runOn } from "../stacks/hosts.ts";
import type { Site } from "./site.ts";

/** One change that is timed on an existing system. */
export interface TimedChange {
  readonly part: "nochange" | "setting" | "rolling";
  readonly what: string;
  /** @returns seconds. @throws when the change did not have the expected effect */
  readonly run: () => Promise<number>;
}

/** One lab of one tool. */
export interface Lab {
  readonly site: Site;
  /** Creates the system, hosts included. @returns seconds */
  create(): Promise<number>;
  /** The changes timed on the finished system, in this order. */
  readonly changes: readonly TimedChange[];
  /** Removes everything. Not timed. Also works for a lab that is not complete. */
  remove(): Promise<void>;
}

export interface Tool {
  readonly name: string;
  /** Prepares what needs no host, for that many brokers. Not timed. */
  open(size: number): Promise<Lab>;
  /** Removes what an earlier run has left on this computer. */
  removeLeftovers(): Promise<void>;
}

/** The context that every tool gets. */
export interface ToolContext {
  readonly signal: AbortSignal;
  /** @returns the name of the lab's base image, which the program builds */
  readonly image: () => Promise<string>;
}

/** Number of brokers of the largest cluster that is measured. */
export const maxBrokers = 7;
/** Seconds that one command of a tool may take. */
export const toolTimeoutSeconds = 900;

/** @throws when a broker does not run with this limit on channels */
export async function checkChannelLimit(at: Site, limit: number): Promise<void> {
  const ask = "rabbitmqctl -q eval 'application:get_env(rabbit, channel_max).' </dev/null";
  for (const broker of at.brokers) {
    const answer = await runOn(broker, ask);
    if (answer.trim() !== `{ok,${limit}}`) {
      throw new Error(`${broker} has channel_max ${answer.trim()}, not ${limit}`);
    }
  }
}

/** Waits until HAProxy on both balancers has read this limit. @throws when one has not after 5 seconds */
export async function waitForConnectionLimit(at: Site, limit: number): Promise<void> {
  // The statistics show the limit that the running process has read; the file only shows the one that it should read.
  const ask = `${showStat} |
    awk -F, '$1 == "rabbitmq_cluster" && $2 == "FRONTEND" { print $7 }'`;
  for (const balancer of at.balancers) {
    const deadline = Date.now() + 5000;
    for (;;) {
      const answer = await runOn(balancer, ask).catch(() => "nothing");
      if (Number(answer) === limit) break;
      if (Date.now() > deadline)
        throw new Error(`${balancer} has the connection limit ${answer.trim()}, not ${limit}`);
    }
  }
}
