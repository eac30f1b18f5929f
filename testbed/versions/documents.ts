/** The documents of all that is recorded. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chaosReport } from "../chaos/report.ts";
import { readRuns } from "../chaos/results.ts";
import { formatDocument } from "../documents/write.ts";
import { root } from "../stacks/trial-stack.ts";
import { migrationTable, readMigrations } from "./migrations.ts";
import { readRecords } from "./records.ts";
import { versionsReport } from "./report.ts";

const inDocs = (name: string): string => join(root, "docs", name);

/** @returns the documents that follow from the recorded results */
export async function reports(): Promise<{ readonly name: string; readonly text: string }[]> {
  const runs = await readRuns(inDocs("chaos.json"));
  const texts = {
    "chaos.md": chaosReport(runs),
    "versions.md": versionsReport(runs, await readRecords()),
    "migrate.md": withSection(
      await readFile(inDocs("migrate.md"), "utf8"),
      migrationTable(await readMigrations()),
    ),
  };
  return Promise.all(
    Object.entries(texts).map(async ([name, text]) => ({
      name,
      text: await formatDocument(inDocs(name), text, "markdown"),
    })),
  );
}

/** The lines of a document between which all is written by a program. */
const begin = "<!-- what follows is written by npm run chaos -- --report -->";
const end = "<!-- until here -->";

/** @returns the document with the text in its section @throws unless it has one */
export function withSection(document: string, text: string): string {
  const [before, rest, ...others] = document.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined || others.length > 0)
    throw new Error(`the document has no lines ${begin} and ${end}`);
  return [before, begin, "\n\n", text, "\n\n", end, after].join("");
}

/** Writes them. */
export async function writeReports(): Promise<void> {
  for (const { name, text } of await reports()) await writeFile(inDocs(name), text);
}
