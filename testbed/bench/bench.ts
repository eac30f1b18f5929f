/** `npm run bench`: measures, side by side, and tells as text, as JSON and as charts. */
import { podman } from "../labs/hosts.ts";
import { comparer, round } from "./cold.ts";
import { failover } from "./failover.ts";
import { Figures, type Part } from "./figures.ts";
import { hostVersions, machine, toolVersions } from "./machine.ts";
import { options, type Options } from "./options.ts";
import { ensurePerfTest, perfTestVersion } from "./perftest.ts";
import { playbook } from "./playbook.ts";
import { program, type Program } from "./program.ts";
import { markdown, type Results } from "./report.ts";
import { resultsIn, save } from "./save.ts";
import { script } from "./script.ts";
import { throughput } from "./throughput.ts";
import type { Surroundings, Tool } from "./tool.ts";

/** The sizes whose growth is measured; the smallest one is what `cold` measures. */
const sizes = [3, 5, 7];
/** Rounds of the larger clusters, which take longest and vary least. */
const growRounds = 3;

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

/** One run of the benchmark. */
class Bench {
  readonly #options: Options;
  readonly #figures = new Figures();
  readonly #stop = new AbortController();
  #earlier: Results | undefined;
  readonly #comparer = comparer("pulumi up");
  #versions: Record<string, string> = {};
  #image: string | undefined;
  readonly #main: Program;
  readonly #verified: Tool;
  /** The tools that are set side by side. */
  readonly #all: readonly Tool[];

  constructor(wanted: Options) {
    this.#options = wanted;
    const given = this.#surroundings;
    this.#main = program(given, false);
    this.#verified = program(given, true);
    this.#all = [this.#main, script(given), playbook(given)];
  }

  get #surroundings(): Surroundings {
    return {
      signal: this.#stop.signal,
      image: async () => {
        // Only a run of the playbook alone comes here before the program has made its image known.
        this.#image ??= (await podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--sort", "created"))
          .split("\n")
          .find((name) => name.startsWith("localhost/rabbitmq-ha-lab:bookworm-"));
        if (this.#image === undefined) throw new Error("there is no base image yet: run `npm run up` once");
        return this.#image;
      },
    };
  }

  /** @returns the exit code: 1 when a run failed */
  async run(): Promise<number> {
    const { only } = this.#options;
    const stop = (): void => {
      say("stopping; taking the lab away");
      this.#stop.abort(new Error("interrupted"));
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
    let trouble: Error | undefined;
    const has = (...parts: Part[]): boolean => parts.some((part) => only.includes(part));
    try {
      await this.#sweep();
      this.#earlier = await resultsIn(this.#options.json);
      this.#versions = { ...(await toolVersions()) };
      if (has("throughput")) await ensurePerfTest(this.#stop.signal);
      if (has("cold", "nochange", "setting", "rolling")) await this.#sideBySide();
      if (has("grow")) await this.#grow();
      if (has("failover", "throughput")) await this.#running();
    } catch (error) {
      // What has been measured until then is told all the same.
      if (!this.#stop.signal.aborted) trouble = error instanceof Error ? error : new Error(String(error));
    } finally {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, stop);
      await this.#sweep();
    }
    await this.#save();
    process.stdout.write(`${markdown(this.#results)}\n`);
    if (trouble !== undefined) throw trouble;
    if (this.#stop.signal.aborted) return 130;
    return this.#figures.list.some(({ failures }) => failures.length > 0) ? 1 : 0;
  }

  async #sweep(): Promise<void> {
    for (const tool of this.#all) await tool.sweep();
  }

  /** Cold runs, and on the systems that they made what is timed there. A first round is not counted. */
  async #sideBySide(): Promise<void> {
    const { only, rounds, quick } = this.#options;
    const tools = only.includes("cold") ? [...this.#all, this.#verified] : this.#all;
    for (let number = quick ? 1 : 0; number <= rounds; number++) {
      say(number === 0 ? "a first round, which is not counted" : `round ${number} of ${rounds}`);
      for (const tool of inTurn(tools, number === 0 || quick ? 0 : number)) {
        await this.#round(tool, 3, number === 0 ? [] : only.filter((part) => part !== "grow"));
      }
    }
  }

  async #grow(): Promise<void> {
    const { rounds, only } = this.#options;
    const counted = Math.min(rounds, growRounds);
    const larger = only.includes("cold") ? sizes.slice(1) : sizes;
    for (let number = 1; number <= counted; number++) {
      for (const size of larger) {
        say(`${size} brokers, round ${number} of ${counted}`);
        for (const tool of inTurn(this.#all, number - 1)) await this.#round(tool, size, ["grow"]);
      }
    }
  }

  async #round(tool: Tool, size: number, record: readonly Part[]): Promise<void> {
    const compare = size === 3 && tool !== this.#verified ? this.#comparer.take(tool) : undefined;
    await round({
      tool,
      size,
      record,
      figures: this.#figures,
      signal: this.#stop.signal,
      say,
      ...(compare === undefined ? {} : { compare }),
      seen: async ({ name }, brokers, balancers) => {
        if (name === "pulumi up") await this.#look(brokers, balancers);
      },
    });
    await this.#save();
  }

  /** Notes of the program's first system what holds for all of them. */
  async #look(brokers: readonly string[], balancers: readonly string[]): Promise<void> {
    if (this.#versions["RabbitMQ"] !== undefined) return;
    Object.assign(this.#versions, await hostVersions({ brokers, balancers, net: 0 }));
    this.#image = (await podman("inspect", "--format", "{{.ImageName}}", brokers[0] ?? "")).trim();
  }

  /** What is measured on one system of the program's that stays: throughput first, then what breaks it. */
  async #running(): Promise<void> {
    const { only, rounds, trials, quick } = this.#options;
    const lab = await this.#main.open(3);
    const args = { lab, figures: this.#figures, signal: this.#stop.signal, say };
    try {
      say("a system for throughput and failover");
      await lab.make();
      await this.#look(lab.site.brokers, lab.site.balancers);
      if (only.includes("throughput")) {
        this.#versions["PerfTest"] = perfTestVersion;
        await throughput({ ...args, rounds, time: quick ? 5 : 30 });
        await this.#save();
      }
      if (only.includes("failover")) await failover({ ...args, trials });
    } finally {
      await lab.remove();
    }
  }

  get #results(): Results {
    const { rounds, trials, quick } = this.#options;
    return {
      date: new Date().toISOString(),
      machine: machine(this.#versions),
      rounds,
      trials,
      quick,
      figures: this.#figures.list,
      differences: this.#comparer.found,
    };
  }

  /** After every step, so that a run that is cut off has not been in vain. */
  async #save(): Promise<void> {
    await save(this.#results, this.#options, this.#earlier);
  }
}

/** @returns the list begun at another place each time */
function inTurn<T>(list: readonly T[], round: number): T[] {
  const start = round % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** @returns the exit code */
export async function bench(args: readonly string[]): Promise<number> {
  return new Bench(options(args)).run();
}
