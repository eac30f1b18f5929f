/** Measures the cost of the route through the virtual address and a balancer, against direct connections. */
import type { Figures } from "./figures.ts";
import { pairCount, runPerfTest, queueNames, type PerfTestLoad } from "./perftest.ts";
import type { ProgramLab } from "./program.ts";
import { addressOf, virtualAddressOf } from "./site.ts";

export interface ThroughputArgs {
  readonly lab: ProgramLab;
  readonly rounds: number;
  /** Seconds of each measurement. */
  readonly durationSeconds: number;
  readonly figures: Figures;
  readonly signal: AbortSignal;
  readonly logProgress: (line: string) => void;
}

/** Messages a second of each producer when latency is measured, far below the brokers' limit. */
const steadyMessagesPerSecond = 50;
const routes = ["to the brokers", "through the address"] as const;
const queueKinds = ["mirrored", "quorum"] as const;

/** Measures both routes in turn and alternates the first one, so that neither has an advantage. */
export async function measureThroughput(args: ThroughputArgs): Promise<void> {
  const { lab, rounds, durationSeconds, figures, signal, logProgress } = args;
  const uris: Readonly<Record<(typeof routes)[number], string[]>> = {
    "to the brokers": await Promise.all(
      lab.site.brokers.map(async (broker) => lab.uri(addressOf(lab.site, broker))),
    ),
    "through the address": await Promise.all(
      lab.site.brokers.map(async () => lab.uri(virtualAddressOf(lab.site))),
    ),
  };
  for (let round = 0; round < rounds; round++) {
    for (const queues of queueKinds) {
      for (const who of round % 2 === 0 ? routes : routes.toReversed()) {
        const fast = `${queues} queues, as fast as it goes`;
        const steady = `${queues} queues, ${steadyMessagesPerSecond * pairCount} msg/s`;
        const load = { uris: uris[who], queueKind: queues, durationSeconds, signal } satisfies PerfTestLoad;
        try {
          const { received } = await runPerfTest(load);
          await deleteQueues(uris["to the brokers"][0] ?? "");
          figures.add({ part: "throughput", what: fast, who, unit: "msg/s" }, received);
          const { latency } = await runPerfTest({ ...load, messagesPerSecond: steadyMessagesPerSecond });
          figures.add(
            { part: "throughput", what: `${steady}: median latency`, who, unit: "ms" },
            latency.median,
          );
          figures.add({ part: "throughput", what: `${steady}: 99 % latency`, who, unit: "ms" }, latency.p99);
          logProgress(
            `round ${round + 1} of ${rounds}, ${queues} queues ${who}: ${received} msg/s, ${latency.median.toFixed(2)} ms`,
          );
        } catch (error) {
          signal.throwIfAborted();
          figures.fail({ part: "throughput", what: fast, who, unit: "msg/s" }, error);
        } finally {
          await deleteQueues(uris["to the brokers"][0] ?? "");
        }
      }
    }
  }
}

/** Deletes the queues, so that each measurement starts without messages from the one before. */
async function deleteQueues(uri: string): Promise<void> {
  const { username, password, hostname } = new URL(uri);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  for (const name of queueNames) {
    const url = `http://${hostname}:15672/api/queues/%2F/${name}`;
    const { ok, status } = await fetch(url, {
      method: "DELETE",
      headers: { authorization },
      signal: AbortSignal.timeout(30_000),
    });
    if (!ok && status !== 404) throw new Error(`cannot delete the queue ${name}: HTTP status ${status}`);
  }
}
