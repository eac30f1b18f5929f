/** RabbitMQ PerfTest, the load tool of RabbitMQ's own makers. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../labs/trial-stack.ts";
import { UserError } from "../../user-error.ts";
import { run } from "./command.ts";

/** The version that perftest/pom.xml names. */
export const perfTestVersion = "2.22.1";
const folder = join(root, ".toolchain", `perf-test-${perfTestVersion}`);

/** Gets it from the machine's own Maven repository, once. @throws UserError when that has it not */
export async function ensurePerfTest(signal: AbortSignal): Promise<void> {
  if (existsSync(folder)) return;
  const parts = `${folder}.part`;
  await rm(parts, { recursive: true, force: true });
  await mkdir(parts, { recursive: true });
  const pom = join(import.meta.dirname, "perftest", "pom.xml");
  const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${parts}`];
  try {
    await run(["mvn", "-q", "-B", "-f", pom, ...goal], { deadline: 600, signal });
  } catch (error) {
    signal.throwIfAborted();
    const others = "leave it out with --only cold,nochange,setting,rolling,grow,failover";
    throw new UserError(`PerfTest, for the part throughput, cannot be fetched; ${others}:\n${String(error)}`);
  }
  await rename(parts, folder);
}

export interface Load {
  /** Each is given as many of the connections: PerfTest itself would spread them by chance, 2 here and 8 there. */
  readonly uris: readonly string[];
  readonly queues: "mirrored" | "quorum";
  /** Seconds. */
  readonly time: number;
  /** Messages a second of each producer. @default as many as go */
  readonly rate?: number;
  readonly signal: AbortSignal;
}

export interface Throughput {
  /** Messages a second that the consumers got. */
  readonly received: number;
  /** Milliseconds from publishing to consuming. */
  readonly latency: { readonly median: number; readonly p99: number };
}

/** How many producers, consumers and queues there are: each producer and consumer has a connection of its own. */
export const pairs = 6;
export const queueNames = Array.from({ length: pairs }, (_, index) => `bench-${index + 1}`);

/** One PerfTest for each URI, at the same time. */
export async function perfTest(load: Load): Promise<Throughput> {
  const share = pairs / load.uris.length;
  return together(
    await Promise.all(load.uris.map(async (uri, index) => one(load, uri, 1 + index * share, share))),
  );
}

/** @returns the sum of the messages, the mean of the medians, and the worst of the 99 % */
export function together(all: readonly Throughput[]): Throughput {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    received: sum(all.map(({ received }) => received)),
    latency: {
      median: sum(all.map(({ latency }) => latency.median)) / all.length,
      p99: Math.max(...all.map(({ latency }) => latency.p99)),
    },
  };
}

/**
 * Persistent messages of 1000 bytes, confirmed, at most 50 at a time under way for each producer. The queues' leaders
 * are spread evenly, however the connections are.
 *
 * @param first the number of the first of its queues
 * @param count how many queues, producers and consumers it has
 */
async function one(load: Load, uri: string, first: number, count: number): Promise<Throughput> {
  const { queues, time, rate, signal } = load;
  const kind =
    queues === "quorum"
      ? ["--quorum-queue", "--leader-locator", "balanced"]
      : ["--queue-args", "x-queue-master-locator=min-masters"];
  const { stdout } = await run(
    [
      ...(["java", "-cp", join(folder, "*"), "com.rabbitmq.perf.PerfTest"] as const),
      ...["--producers", `${count}`, "--consumers", `${count}`, "--queue-pattern", "bench-%d"],
      ...["--queue-pattern-from", `${first}`, "--queue-pattern-to", `${first + count - 1}`],
      ...["--auto-delete", "false", "--flag", "persistent", "--size", "1000", "--confirm", "50"],
      ...["--qos", "100", "--time", `${time}`],
      ...(rate === undefined ? [] : ["--rate", `${rate}`]),
      ...kind,
    ],
    // The URI has the password in it, and everybody can read a command line.
    {
      deadline: time + 90,
      signal,
      env: { ...process.env, RABBITMQ_PERF_TEST_ENV_PREFIX: "PERF_", PERF_URI: uri },
    },
  );
  return summary(stdout);
}

/** @returns what the end of PerfTest's output says. @throws when it does not say it */
export function summary(output: string): Throughput {
  const received = /receiving rate avg: (\d+) msg\/s/.exec(output)?.[1];
  const latencies =
    /consumer latency min\/median\/75th\/95th\/99th (\d+)\/(\d+)\/(\d+)\/(\d+)\/(\d+) (\S+)/.exec(output);
  if (received === undefined || latencies === null) {
    throw new Error(`PerfTest ended without a summary:\n${output.slice(-500)}`);
  }
  const scale = latencies[6] === "ms" ? 1 : 1000;
  return {
    received: Number(received),
    latency: { median: Number(latencies[2]) / scale, p99: Number(latencies[5]) / scale },
  };
}
