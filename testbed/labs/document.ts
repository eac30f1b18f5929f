/** Files that a measurement leaves in the project. */
import { writeFile } from "node:fs/promises";
import { format, resolveConfig } from "prettier";

/** Writes it as `npm run format` would leave it, so that it can be committed. */
export async function writeDocument(file: string, text: string, parser: "json" | "markdown"): Promise<void> {
  const settings = (await resolveConfig(file)) ?? {};
  await writeFile(file, await format(text, { ...settings, parser }));
}
