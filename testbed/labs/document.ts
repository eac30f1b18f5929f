/** Writes the files of a measurement into the project. */
import { writeFile } from "node:fs/promises";
import { format, resolveConfig } from "prettier";

/** Writes a file in the format of `npm run format`, so that it can be committed. */
export async function writeDocument(file: string, text: string, parser: "json" | "markdown"): Promise<void> {
  const settings = (await resolveConfig(file)) ?? {};
  await writeFile(file, await format(text, { ...settings, parser }));
}
