/** The record of migrations under load, and the table of them. */
import { join } from "node:path";
import { markdownTable } from "../documents/markdown.ts";
import { root } from "../stacks/trial-stack.ts";
import { isRecording, readLines, type Recorded, stamp, writeLines } from "./json-lines.ts";

export interface MigrationRecord extends Recorded {
  /** The version of the new cluster's RabbitMQ. */
  readonly to: string;
  /** What was killed in each move, or `nothing`. */
  readonly killed: string;
  readonly queues: number;
  /** The highest of one minute, right after a move; the first runs did not note it. */
  readonly loadAverage?: number;
  /** The longest time in which some publisher had no confirm, in seconds: forth, back, and forth again. */
  readonly gaps: readonly number[];
  /** Messages. */
  readonly confirmed: number;
  readonly lost: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
}

const recordsFile: string = join(root, "docs", "migrations.jsonl");

export async function readMigrations(file = recordsFile): Promise<readonly MigrationRecord[]> {
  return readLines<MigrationRecord>(file);
}

/** Records a run, if the environment asks for it. @returns whether it does */
export async function recordMigration(
  measured: Omit<MigrationRecord, keyof Recorded>,
  {
    env = process.env,
    file = recordsFile,
  }: { readonly env?: NodeJS.ProcessEnv; readonly file?: string } = {},
): Promise<boolean> {
  if (!isRecording(env)) return false;
  await writeLines(file, [...(await readMigrations(file)), { ...measured, ...(await stamp()) }]);
  return true;
}

/** @returns a row for each version, what was killed and how many queues there were, of all its runs, in Markdown */
export function migrationTable(records: readonly MigrationRecord[]): string {
  const groups = Map.groupBy(
    records.toSorted((one, other) => one.to.localeCompare(other.to, "en", { numeric: true })),
    ({ to, killed, queues }) => JSON.stringify([to, killed, queues]),
  );
  const rows = [...groups.values()].map((group) => {
    const sum = (key: "lost" | "outOfOrder" | "duplicates"): string =>
      spaced(group.reduce((total, each) => total + each[key], 0));
    const { to = "", killed = "", queues = 0 } = group[0] ?? {};
    return [
      to,
      killed,
      String(queues),
      String(group.length),
      range(group.map(({ confirmed }) => confirmed)),
      range(group.flatMap(({ loadAverage }) => loadAverage ?? [])),
      ...[0, 1, 2].map((move) => gapCell(group.flatMap(({ gaps }) => gaps[move] ?? []))),
      sum("lost"),
      sum("outOfOrder"),
      sum("duplicates"),
    ];
  });
  return markdownTable(
    [
      ...[
        "to",
        "killed",
        "queues",
        "runs",
        "confirmed in a run",
        "load average",
        "forth",
        "back",
        "forth again",
      ],
      ...["lost", "out of order", "came twice"],
    ],
    rows,
  );
}

function gapCell(gaps: readonly number[]): string {
  const sorted = gaps.toSorted((one, other) => one - other);
  const [low = 0, high = 0] = [Math.floor, Math.ceil].map((round) => sorted[round((sorted.length - 1) / 2)]);
  const worst = sorted.at(-1);
  if (worst === undefined) return "";
  const median = ((low + high) / 2).toFixed(1);
  return sorted.length === 1 ? `${median} s` : `${median} s, at most ${worst.toFixed(1)} s`;
}

function range(numbers: readonly number[]): string {
  if (numbers.length === 0) return "";
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? spaced(least) : `${spaced(least)}–${spaced(most)}`;
}

/** @returns the number with a space between thousands */
function spaced(number: number): string {
  return String(number).replaceAll(/\B(?=(?:\d{3})+$)/g, " ");
}
