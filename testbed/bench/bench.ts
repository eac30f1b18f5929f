/** `npm run bench`: measures the tools side by side and writes the results as text, JSON and charts. */
import { podman } from "../stacks/hosts.ts";
import { createComparer, runRound } from "./round.ts";
import { measureFailover } from "./failover.ts";
import { Figures, type Part } from "./figures.ts";
import { readHostVersions, describeComputer, readToolVersions } from "./computer.ts";
import { readOptions, type BenchOptions } from "./options.ts";
import { ensurePerfTest, perfTestVersion } from "./perftest.ts";
import { createPlaybookTool } from "./playbook.ts";
import { createProgramTool, type ProgramTool } from "./program.ts";
import { markdownReport, type Results } from "./report.ts";
import { readResults, saveResults } from "./save.ts";
import { createScriptTool } from "./script.ts";
import { measureThroughput } from "./throughput.ts";
import type { ToolContext, Tool } from "./tool.ts";

/** Numbers of brokers that `grow` measures; `cold` measures the smallest one. */
const clusterSizes = [3, 5, 7];
/** Most rounds of the larger clusters, which take longest and vary least. */
const maxGrowRounds = 3;

function logProgress(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

/** One run of the benchmark. */
class Bench {
  readonly #options: BenchOptions;
  readonly #figures = new Figures();
  readonly #stop = new AbortController();
  #earlierResults: Results | undefined;
  readonly #comparer = createComparer("pulumi up");
  #versions: Record<string, string> = {};
  #image: string | undefined;
  readonly #program: ProgramTool;
  readonly #verifiedProgram: Tool;
  /** The tools that are compared. */
  readonly #tools: readonly Tool[];

  constructor(wanted: BenchOptions) {
    this.#options = wanted;
    const given = this.#context;
    this.#program = createProgramTool(given, false);
    this.#verifiedProgram = createProgramTool(given, true);
    this.#tools = [this.#program, createScriptTool(given), createPlaybookTool(given)];
  }

  get #context(): ToolContext {
    return {
      signal: this.#stop.signal,
      image: async () => {
        // Without a finished run of the program, the newest image on this computer is used.
        this.#image ??= (await podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--sort", "created"))
          .split("\n")
          .find((name) => name.startsWith("localhost/rabbitmq-ha-lab:bookworm-"));
        if (this.#image === undefined) throw new Error("the base image is missing; run `npm run up` once");
        return this.#image;
      },
    };
  }

  /** @returns the exit code: 1 when a run failed */
  async run(): Promise<number> {
    const { only } = this.#options;
    const stop = (): void => {
      logProgress("stopping; removing the lab");
      this.#stop.abort(new Error("interrupted"));
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
    let trouble: Error | undefined;
    const has = (...parts: Part[]): boolean => parts.some((part) => only.includes(part));
    try {
      await this.#removeLeftovers();
      this.#earlierResults = await readResults(this.#options.json);
      this.#versions = { ...(await readToolVersions()) };
      if (has("throughput")) await ensurePerfTest(this.#stop.signal);
      if (has("cold", "nochange", "setting", "rolling")) await this.#compareTools();
      if (has("grow")) await this.#measureGrowth();
      if (has("failover", "throughput")) await this.#measureRunningSystem();
    } catch (error) {
      // The figures measured until then are reported all the same.
      if (!this.#stop.signal.aborted) trouble = error instanceof Error ? error : new Error(String(error));
    } finally {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, stop);
      await this.#removeLeftovers();
    }
    await this.#save();
    process.stdout.write(`${markdownReport(this.#results)}\n`);
    if (trouble !== undefined) throw trouble;
    if (this.#stop.signal.aborted) return 130;
    return this.#figures.list.some(({ failures }) => failures.length > 0) ? 1 : 0;
  }

  async #removeLeftovers(): Promise<void> {
    for (const tool of this.#tools) await tool.removeLeftovers();
  }

  /** Cold runs, and the changes timed on their systems. A first round is not counted. */
  async #compareTools(): Promise<void> {
    const { only, rounds, quick } = this.#options;
    const tools = only.includes("cold") ? [...this.#tools, this.#verifiedProgram] : this.#tools;
    for (let number = quick ? 1 : 0; number <= rounds; number++) {
      logProgress(number === 0 ? "first round, not counted" : `round ${number} of ${rounds}`);
      for (const tool of rotate(tools, number === 0 || quick ? 0 : number)) {
        await this.#runRound(tool, 3, number === 0 ? [] : only.filter((part) => part !== "grow"));
      }
    }
  }

  async #measureGrowth(): Promise<void> {
    const { rounds, only } = this.#options;
    const counted = Math.min(rounds, maxGrowRounds);
    const larger = only.includes("cold") ? clusterSizes.slice(1) : clusterSizes;
    for (let number = 1; number <= counted; number++) {
      for (const size of larger) {
        logProgress(`${size} brokers, round ${number} of ${counted}`);
        for (const tool of rotate(this.#tools, number - 1)) await this.#runRound(tool, size, ["grow"]);
      }
    }
  }

  async #runRound(tool: Tool, size: number, record: readonly Part[]): Promise<void> {
    const compare = size === 3 && tool !== this.#verifiedProgram ? this.#comparer.take(tool) : undefined;
    await runRound({
      tool,
      size,
      recordedParts: record,
      figures: this.#figures,
      signal: this.#stop.signal,
      logProgress,
      ...(compare === undefined ? {} : { compare }),
      onSystemReady: async ({ name }, brokers, balancers) => {
        if (name === "pulumi up") await this.#recordVersions(brokers, balancers);
      },
    });
    await this.#save();
  }

  /** Records the versions and the image from the program's first system; they are the same for all. */
  async #recordVersions(brokers: readonly string[], balancers: readonly string[]): Promise<void> {
    if (this.#versions["RabbitMQ"] !== undefined) return;
    Object.assign(this.#versions, await readHostVersions({ brokers, balancers, net: 0 }));
    this.#image = (await podman("inspect", "--format", "{{.ImageName}}", brokers[0] ?? "")).trim();
  }

  /** Measures throughput and then failover on one system of the program. */
  async #measureRunningSystem(): Promise<void> {
    const { only, rounds, trials, quick } = this.#options;
    const lab = await this.#program.open(3);
    const args = { lab, figures: this.#figures, signal: this.#stop.signal, logProgress };
    try {
      logProgress("creating a system for throughput and failover");
      await lab.create();
      await this.#recordVersions(lab.site.brokers, lab.site.balancers);
      if (only.includes("throughput")) {
        this.#versions["PerfTest"] = perfTestVersion;
        await measureThroughput({ ...args, rounds, durationSeconds: quick ? 5 : 30 });
        await this.#save();
      }
      if (only.includes("failover")) await measureFailover({ ...args, trials });
    } finally {
      await lab.remove();
    }
  }

  get #results(): Results {
    const { rounds, trials, quick } = this.#options;
    return {
      date: new Date().toISOString(),
      machine: describeComputer(this.#versions),
      rounds,
      trials,
      quick,
      figures: this.#figures.list,
      differences: this.#comparer.found,
    };
  }

  /** Saves after every step, so that an interrupted run keeps its results. */
  async #save(): Promise<void> {
    await saveResults(this.#results, this.#options, this.#earlierResults);
  }
}

/** @returns the list rotated by the round, so that each round starts with another item */
function rotate<T>(list: readonly T[], round: number): T[] {
  const start = round % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** @returns the exit code */
export async function runBench(args: readonly string[]): Promise<number> {
  return new Bench(readOptions(args)).run();
}
