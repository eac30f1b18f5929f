/** What the balancer and the virtual address cost those whose messages go through them. */
import type { Figures } from "./figures.ts";
import { pairs, perfTest, queueNames, type Load } from "./perftest.ts";
import type { ProgramLab } from "./program.ts";
import { address, virtualAddress } from "./site.ts";

export interface ThroughputArgs {
  readonly lab: ProgramLab;
  readonly rounds: number;
  /** Seconds of each measurement. */
  readonly time: number;
  readonly figures: Figures;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Messages a second of each producer where the latency is measured: far from what the brokers can take. */
const steadyRate = 50;
const ways = ["to the brokers", "through the address"] as const;
const kinds = ["mirrored", "quorum"] as const;

/** Both ways in turn, the first one alternating, so that neither has the better moments. */
export async function throughput(args: ThroughputArgs): Promise<void> {
  const { lab, rounds, time, figures, signal, say } = args;
  const uris: Readonly<Record<(typeof ways)[number], string[]>> = {
    "to the brokers": await Promise.all(
      lab.site.brokers.map(async (broker) => lab.uri(address(lab.site, broker))),
    ),
    "through the address": await Promise.all(
      lab.site.brokers.map(async () => lab.uri(virtualAddress(lab.site))),
    ),
  };
  for (let round = 0; round < rounds; round++) {
    for (const queues of kinds) {
      for (const who of round % 2 === 0 ? ways : ways.toReversed()) {
        const fast = `${queues} queues, as fast as it goes`;
        const steady = `${queues} queues, ${steadyRate * pairs} msg/s`;
        const load = { uris: uris[who], queues, time, signal } satisfies Load;
        try {
          const { received } = await perfTest(load);
          await deleteQueues(uris["to the brokers"][0] ?? "");
          figures.add({ part: "throughput", what: fast, who, unit: "msg/s" }, received);
          const { latency } = await perfTest({ ...load, rate: steadyRate });
          figures.add(
            { part: "throughput", what: `${steady}: median latency`, who, unit: "ms" },
            latency.median,
          );
          figures.add({ part: "throughput", what: `${steady}: 99 % latency`, who, unit: "ms" }, latency.p99);
          say(
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

/** Each measurement begins without a message from the one before it. */
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
    if (!ok && status !== 404) throw new Error(`the queue ${name} was not deleted: ${status}`);
  }
}
