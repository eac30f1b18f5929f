/** Writes the results where they were asked for. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { charts } from "./charts.ts";
import { verdicts } from "./goals.ts";
import type { Options } from "./options.ts";
import { markdown, type Results } from "./report.ts";

export async function save(
  results: Results,
  to: Pick<Options, "json" | "markdown" | "chart">,
): Promise<void> {
  const all = { ...results, goals: verdicts(results.figures) };
  if (to.json !== undefined) await write(to.json, JSON.stringify(all), "json");
  if (to.markdown !== undefined) await write(to.markdown, markdown(results), "markdown");
  if (to.chart === undefined) return;
  await mkdir(to.chart, { recursive: true });
  for (const [name, svg] of Object.entries(charts(results.figures))) {
    await writeFile(join(to.chart, `${name}.svg`), svg);
  }
}

/** As `npm run format` would leave the file, so that it can be committed. */
async function write(file: string, text: string, parser: "json" | "markdown"): Promise<void> {
  const settings = (await resolveConfig(file)) ?? {};
  await writeFile(file, await format(text, { ...settings, parser }));
}
