/** The documents of all that is recorded. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chaosReport } from "../chaos/report.ts";
import { readRuns } from "../chaos/results.ts";
import { formatDocument } from "../labs/document.ts";
import { root } from "../labs/trial-stack.ts";
import { readRecords } from "./records.ts";
import { versionsReport } from "./report.ts";

const inDocs = (name: string): string => join(root, "docs", name);

/** @returns the documents that follow from the recorded results */
export async function reports(): Promise<{ readonly name: string; readonly text: string }[]> {
  const runs = await readRuns(inDocs("chaos.json"));
  const texts = { "chaos.md": chaosReport(runs), "versions.md": versionsReport(runs, await readRecords()) };
  return Promise.all(
    Object.entries(texts).map(async ([name, text]) => ({
      name,
      text: await formatDocument(inDocs(name), text, "markdown"),
    })),
  );
}

/** Writes them. */
export async function writeReports(): Promise<void> {
  for (const { name, text } of await reports()) await writeFile(inDocs(name), text);
}
