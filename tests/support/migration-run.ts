/** One migration under load, by as many moves as a test makes: what clients noticed, and that nothing is lost. */
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { seriesNameOf } from "../../hosts/rabbitmq-series.ts";
import type { Direction } from "../../migration/direction.ts";
import { writeReports } from "../../testbed/versions/documents.ts";
import { recordMigration } from "../../testbed/versions/migrations.ts";
import type { LoadResult, MigrationLoad, QueueSpec } from "./migration-load.ts";
import type { MigrationPair } from "./migration-pair.ts";

/** @returns the number in a variable of the environment @throws Error unless it is one from 1 on */
export function readCount(name: string, unset: number, env: NodeJS.ProcessEnv = process.env): number {
  const text = env[name];
  if (text === undefined) return unset;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${name} is "${text}"; write a number from 1 on, such as 10`);
  return Number(text);
}

/** How often each test of a migration is run. */
export const runs = readCount("RABBITMQ_HA_MIGRATION_RUNS", 1);
/** How many confirmed messages a run has at least. */
export const messages = readCount("RABBITMQ_HA_MIGRATION_MESSAGES", 0);

/** Clients connect again within this time after a move. */
export const settleMs = 3000;
/** To receive all that is left at the end. */
export const drainSeconds = 180;
/** How many messages out of order are written out. */
const shownDisorders = 20;
/** Of the messages of a run: one before each of the moves, of which there are at most three, and one after them. */
const parts = 4;

export interface MigrationRunArgs {
  readonly pair: MigrationPair;
  readonly queues: readonly QueueSpec[];
  /** What is killed in each move. */
  readonly killed?: string;
  readonly context: TestContext;
}

export class MigrationRun {
  readonly #args: MigrationRunArgs;
  readonly #load: MigrationLoad;
  readonly #gaps: number[] = [];
  #loadAverage = 0;
  #to = "";

  private constructor(args: MigrationRunArgs, load: MigrationLoad) {
    this.#args = args;
    this.#load = load;
  }

  /** Starts the clients, on the old stack. */
  static async begin(args: MigrationRunArgs): Promise<MigrationRun> {
    await args.pair.ensureUnmoved();
    return new MigrationRun(args, await args.pair.startLoad(args.queues));
  }

  /**
   * Moves the clients, once enough messages of the run are confirmed.
   * @param work runs the command as often as it takes @returns for how long some publisher had no confirm, in seconds
   */
  async move(direction: Direction, work?: () => Promise<string>): Promise<number> {
    const { pair, context } = this.#args;
    await this.#load.untilConfirmed((messages * (this.#gaps.length + 1)) / parts);
    const from = performance.now();
    const output = await (work?.() ?? pair.runOrThrow(...(direction === "back" ? ["--back"] : [])));
    const seconds = (performance.now() - from) / 1000;
    await pause(settleMs);
    const gap = Math.round(this.#load.longestGapMs(from, performance.now()) / 100) / 10;
    this.#gaps.push(gap);
    this.#loadAverage = Math.max(this.#loadAverage, loadavg()[0] ?? 0);
    context.diagnostic(`${direction}: ${seconds.toFixed(1)} s, ${gap} s without a confirm\n${output}`);
    const version = await pair.versionAtAddress();
    assert.equal(seriesNameOf(version) === seriesNameOf(pair.version), direction === "forth", version);
    if (direction === "forth") this.#to = version;
    return gap;
  }

  /** Stops the clients. @throws if a message is lost @returns what else there is to judge */
  async end(): Promise<Omit<LoadResult, "lost">> {
    const { queues, killed = "nothing", context } = this.#args;
    await this.#load.untilConfirmed(messages);
    const { lost, ...result } = await this.#load.stop(drainSeconds);
    const measured = {
      to: this.#to,
      killed,
      queues: queues.length,
      loadAverage: Math.round(this.#loadAverage),
      gaps: this.#gaps,
      confirmed: result.confirmed,
      lost: lost.length,
      outOfOrder: result.disorders.length,
      duplicates: result.duplicates,
    };
    context.diagnostic(JSON.stringify(measured));
    for (const line of result.disorders.slice(0, shownDisorders)) context.diagnostic(`out of order: ${line}`);
    // A red run counts as well.
    if (await recordMigration(measured)) await writeReports();
    assert.deepEqual(lost, []);
    return result;
  }
}
