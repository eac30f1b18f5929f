/** Writes the results where they were asked for; a run of some parts leaves the others as an earlier run had them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDocument } from "../labs/document.ts";
import { charts } from "./charts.ts";
import { verdicts } from "./goals.ts";
import type { Options } from "./options.ts";
import { markdown, type Results } from "./report.ts";

export async function save(
  now: Results,
  to: Pick<Options, "json" | "markdown" | "chart">,
  earlier: Results | undefined,
): Promise<void> {
  const results = earlier === undefined ? now : together(earlier, now);
  const all = { ...results, goals: verdicts(results.figures) };
  if (to.json !== undefined) await writeDocument(to.json, JSON.stringify(all), "json");
  if (to.markdown !== undefined) await writeDocument(to.markdown, markdown(results), "markdown");
  if (to.chart === undefined) return;
  await mkdir(to.chart, { recursive: true });
  for (const [name, svg] of Object.entries(charts(results.figures))) {
    await writeFile(join(to.chart, `${name}.svg`), svg);
  }
}

/** @returns the results that a file holds; undefined where there is none */
export async function resultsIn(file: string | undefined): Promise<Results | undefined> {
  const text = file === undefined ? undefined : await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Results);
}

/** @returns what is measured now, and of an earlier run the parts that were not, each with its own date */
export function together(earlier: Results, now: Results): Results {
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
