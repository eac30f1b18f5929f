/** RabbitMQ PerfTest, the load tool of the RabbitMQ project. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../stacks/trial-stack.ts";
import { UserError } from "../../user-error.ts";
import { runCommand } from "./command.ts";

/** The version that perftest/pom.xml names. */
export const perfTestVersion = "2.22.1";
const perfTestFolder = join(root, ".toolchain", `perf-test-${perfTestVersion}`);

/** Fetches PerfTest once, from this computer's Maven repository. @throws UserError when it is not there */
export async function ensurePerfTest(signal: AbortSignal): Promise<void> {
  if (existsSync(perfTestFolder)) return;
  const parts = `${perfTestFolder}.part`;
  await rm(parts, { recursive: true, force: true });
  await mkdir(parts, { recursive: true });
  const pom = join(import.meta.dirname, "perftest", "pom.xml");
  const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${parts}`];
  try {
    await runCommand(["mvn", "-q", "-B", "-f", pom, ...goal], { timeoutSeconds: 600, signal });
  } catch (error) {
    signal.throwIfAborted();
    const others = "or leave it out with --only cold,nochange,setting,rolling,grow,failover";
    throw new UserError(
      `Maven cannot fetch PerfTest, which the part throughput needs; make it available to mvn, ${others}:\n${String(error)}`,
    );
  }
  await rename(parts, perfTestFolder);
}

export interface PerfTestLoad {
  /** Each gets the same number of connections; PerfTest alone would spread them at random, such as 2 and 8. */
  readonly uris: readonly string[];
  readonly queueKind: "mirrored" | "quorum";
  /** Seconds. */
  readonly durationSeconds: number;
  /** Messages a second of each producer. @default as many as possible */
  readonly messagesPerSecond?: number;
  readonly signal: AbortSignal;
}

export interface Throughput {
  /** Messages a second that the consumers received. */
  readonly received: number;
  /** Milliseconds from publishing to consuming. */
  readonly latency: { readonly median: number; readonly p99: number };
}

/** Number of producers, of consumers and of queues. Each producer and consumer has its own connection. */
export const pairCount = 6;
export const queueNames = Array.from({ length: pairCount }, (_, index) => `bench-${index + 1}`);

/** Runs one PerfTest for each URI, all at the same time. */
export async function runPerfTest(load: PerfTestLoad): Promise<Throughput> {
  const share = pairCount / load.uris.length;
  return combineThroughputs(
    await Promise.all(
      load.uris.map(async (uri, index) => runOnePerfTest(load, uri, 1 + index * share, share)),
    ),
  );
}

/** @returns the sum of the messages, the mean of the medians, and the worst of the 99 % */
export function combineThroughputs(all: readonly Throughput[]): Throughput {
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
 * Runs one PerfTest: persistent messages of 1000 bytes, at most 50 unconfirmed for each producer. The queues' leaders
 * are spread evenly, independent of the connections.
 *
 * @param first the number of the first of its queues
 * @param count the number of its queues, of its producers and of its consumers
 */
async function runOnePerfTest(
  load: PerfTestLoad,
  uri: string,
  first: number,
  count: number,
): Promise<Throughput> {
  const { queueKind, durationSeconds, messagesPerSecond, signal } = load;
  const kind =
    queueKind === "quorum"
      ? ["--quorum-queue", "--leader-locator", "balanced"]
      : ["--queue-args", "x-queue-master-locator=min-masters"];
  const { stdout } = await runCommand(
    [
      ...(["java", "-cp", join(perfTestFolder, "*"), "com.rabbitmq.perf.PerfTest"] as const),
      ...["--producers", `${count}`, "--consumers", `${count}`, "--queue-pattern", "bench-%d"],
      ...["--queue-pattern-from", `${first}`, "--queue-pattern-to", `${first + count - 1}`],
      ...["--auto-delete", "false", "--flag", "persistent", "--size", "1000", "--confirm", "50"],
      ...["--qos", "100", "--time", `${durationSeconds}`],
      ...(messagesPerSecond === undefined ? [] : ["--rate", `${messagesPerSecond}`]),
      ...kind,
    ],
    // The URI contains the password, and every user can read a command line.
    {
      timeoutSeconds: durationSeconds + 90,
      signal,
      env: { ...process.env, RABBITMQ_PERF_TEST_ENV_PREFIX: "PERF_", PERF_URI: uri },
    },
  );
  return parseSummary(stdout);
}

/** @returns the figures from the end of PerfTest's output. @throws when they are missing */
export function parseSummary(output: string): Throughput {
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
