/** Writes the results to the files given as options. Parts that were not run keep an earlier run's results. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDocument } from "../documents/write.ts";
import { drawCharts } from "./charts.ts";
import { judgeGoals } from "./goals.ts";
import type { BenchOptions } from "./options.ts";
import { markdownReport, type Results } from "./report.ts";

export async function saveResults(
  now: Results,
  to: Pick<BenchOptions, "json" | "markdown" | "chart">,
  earlier: Results | undefined,
): Promise<void> {
  const results = earlier === undefined ? now : mergeResults(earlier, now);
  const all = { ...results, goals: judgeGoals(results.figures) };
  if (to.json !== undefined) await writeDocument(to.json, JSON.stringify(all), "json");
  if (to.markdown !== undefined) await writeDocument(to.markdown, markdownReport(results), "markdown");
  if (to.chart === undefined) return;
  await mkdir(to.chart, { recursive: true });
  for (const [name, svg] of Object.entries(drawCharts(results.figures))) {
    await writeFile(join(to.chart, `${name}.svg`), svg);
  }
}

/** @returns the results in a file; undefined when there is no such file */
export async function readResults(file: string | undefined): Promise<Results | undefined> {
  const text = file === undefined ? undefined : await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Results);
}

/** @returns the results of this run, and of an earlier run for the other parts, with their own date */
export function mergeResults(earlier: Results, now: Results): Results {
  const measured = new Set(now.figures.map(({ part }) => part));
  const kept = earlier.figures.filter(({ part }) => !measured.has(part));
  if (kept.length === 0) return now;
  return {
    ...now,
    machine: { ...now.machine, versions: { ...earlier.machine.versions, ...now.machine.versions } },
    figures: [...kept.map((figure) => ({ date: earlier.date, ...figure })), ...now.figures],
    differences: { ...earlier.differences, ...now.differences },
  };
}
