/**
 * Where screenshots of pages are saved: always in `artefacts/screenshots`. Those for the documentation are copied to a
 * folder of the project, such as `docs/images`, if the environment variable RABBITMQ_HA_SCREENSHOTS names one.
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const artefacts = join(root, "artefacts", "screenshots");

/** Deletes the screenshots of earlier runs, so that none is mistaken for one of this run. */
export async function clearScreenshots(): Promise<void> {
  await rm(artefacts, { recursive: true, force: true });
}

/** @returns the path for a screenshot of this name; its folder exists */
export async function screenshotPath(name: string): Promise<`${string}.png`> {
  await mkdir(artefacts, { recursive: true });
  return `${join(artefacts, name)}.png`;
}

/** Copies a screenshot to the folder that the user has named, if any. */
export async function publishScreenshot(name: string): Promise<void> {
  const folder = process.env["RABBITMQ_HA_SCREENSHOTS"] ?? "";
  if (folder === "") return;
  await mkdir(resolve(root, folder), { recursive: true });
  await copyFile(await screenshotPath(name), resolve(root, folder, `${name}.png`));
}

/** @returns the path relative to the project's folder, for messages */
export function relativeToRoot(path: string): string {
  return relative(root, path);
}
