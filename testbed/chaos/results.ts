/** The results of several versions: a file keeps the last trials of each fault in each column. */
import { readFile } from "node:fs/promises";
import { writeDocument } from "../documents/write.ts";
import { faults } from "./faults/index.ts";
import { byColumn, chaosReport, columnName } from "./report.ts";
import { legend } from "./table.ts";
import type { ChaosRun, TrialResult } from "./trial-result.ts";

/** @returns the runs of a file; none when there is no such file */
export async function readRuns(file: string): Promise<readonly ChaosRun[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return [];
  return (JSON.parse(text) as { readonly runs: readonly ChaosRun[] }).runs;
}

/** @returns the runs with the new one, which replaces the earlier trials of its faults in the same column */
export function mergeRun(runs: readonly ChaosRun[], run: ChaosRun): ChaosRun[] {
  const isSame = (each: ChaosRun): boolean => columnName(each) === columnName(run);
  const place = (row: TrialResult): number => faults.findIndex(({ name }) => name === row.fault);
  const kept = runs
    .filter(isSame)
    .flatMap(({ rows }) => rows)
    .filter((row) => !run.rows.some(({ fault }) => fault === row.fault));
  const rows = [...kept, ...run.rows].sort((one, other) => place(one) - place(other));
  return [...runs.filter((each) => !isSame(each)), { ...run, rows }].sort(byColumn);
}

/** Where the results go. */
export interface ResultFiles {
  readonly json: string | undefined;
  readonly markdown: string | undefined;
}

export async function writeRuns({ json, markdown }: ResultFiles, runs: readonly ChaosRun[]): Promise<void> {
  if (json !== undefined) await writeDocument(json, JSON.stringify({ legend, runs }), "json");
  if (markdown !== undefined) await writeDocument(markdown, chaosReport(runs), "markdown");
}
