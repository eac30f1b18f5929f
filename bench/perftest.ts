/** RabbitMQ PerfTest, the load tool of RabbitMQ's own makers. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../lab/trial/lab-stack.ts";
import { SetupError } from "../lab/setup/step.ts";
import { run } from "./command.ts";

/** The version that perftest/pom.xml names. */
export const perfTestVersion = "2.22.1";
const folder = join(root, ".toolchain", `perf-test-${perfTestVersion}`);

/** Gets it from the machine's own Maven repository, once. @throws SetupError when that has it not */
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
    const others = "leave it out with --only cold,nochange,setting,grow,failover";
    throw new SetupError(
      `PerfTest, for the part throughput, cannot be fetched; ${others}:\n${String(error)}`,
    );
  }
  await rename(parts, folder);
}

export interface Load {
  /** One connection each, spread over these. */
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

/**
 * Persistent messages of 1000 bytes, confirmed, at most 50 at a time under way for each producer. The queues' leaders
 * are spread evenly, however the connections are.
 */
export async function perfTest({ uris, queues, time, rate, signal }: Load): Promise<Throughput> {
  const kind =
    queues === "quorum"
      ? ["--quorum-queue", "--leader-locator", "balanced"]
      : ["--queue-args", "x-queue-master-locator=min-masters"];
  const { stdout } = await run(
    [
      ...([
        "java",
        "-cp",
        join(folder, "*"),
        "com.rabbitmq.perf.PerfTest",
        "--uris",
        uris.join(","),
      ] as const),
      ...["--producers", `${pairs}`, "--consumers", `${pairs}`, "--queue-pattern", "bench-%d"],
      ...["--queue-pattern-from", "1", "--queue-pattern-to", `${pairs}`, "--auto-delete", "false"],
      ...["--flag", "persistent", "--size", "1000", "--confirm", "50", "--qos", "100", "--time", `${time}`],
      ...(rate === undefined ? [] : ["--rate", `${rate}`]),
      ...kind,
    ],
    { deadline: time + 90, signal },
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
