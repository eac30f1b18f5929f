/** Writes the files of a measurement into the project. */
import { writeFile } from "node:fs/promises";
import { format, resolveConfig } from "prettier";

type Parser = "json" | "markdown";

/** @returns a file's text in the format of `npm run format`, so that it can be committed */
export async function formatDocument(file: string, text: string, parser: Parser): Promise<string> {
  const settings = (await resolveConfig(file)) ?? {};
  return format(text, { ...settings, parser });
}

/** Writes a file in that format. */
export async function writeDocument(file: string, text: string, parser: Parser): Promise<void> {
  await writeFile(file, await formatDocument(file, text, parser));
}
