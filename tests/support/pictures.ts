/**
 * Where pictures of pages are kept: always in `artefacts/screenshots`, and where the environment variable
 * RABBITMQ_HA_SCREENSHOTS names a folder of the project, such as `docs/images`, those that are worth showing there too.
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const artefacts = join(root, "artefacts", "screenshots");

/** Removes an earlier run's pictures, so that none of them passes for one of this run. */
export async function clearPictures(): Promise<void> {
  await rm(artefacts, { recursive: true, force: true });
}

/** @returns the path of a new picture of this name, in a folder that exists */
export async function picturePath(name: string): Promise<`${string}.png`> {
  await mkdir(artefacts, { recursive: true });
  return `${join(artefacts, name)}.png`;
}

/** Copies a picture to the folder that the user named, if there is one. */
export async function publishPicture(name: string): Promise<void> {
  const folder = process.env["RABBITMQ_HA_SCREENSHOTS"] ?? "";
  if (folder === "") return;
  await mkdir(resolve(root, folder), { recursive: true });
  await copyFile(await picturePath(name), resolve(root, folder, `${name}.png`));
}

/** @returns the path as seen from the project's folder, for a message */
export function fromRoot(path: string): string {
  return relative(root, path);
}
