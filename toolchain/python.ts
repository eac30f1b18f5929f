/** Sets of tools from PyPI that tests use, each in its own virtual environment. */
import { createHash } from "node:crypto";
import { access, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runStep } from "./step.ts";

const root = dirname(import.meta.dirname);

/** By folder in toolchain, whose requirements.txt has the versions: a description of the set. */
const setDescriptions = {
  aws: "the AWS CLI and moto's server, which answers instead of AWS",
  agent: "the linter and the type checker of the program on the hosts",
  clients: "pika, a client in Python",
} as const;

export interface PythonTools {
  /** The folder with the set's commands. */
  readonly bin: string;
}

/**
 * Makes sure that a set of tools is installed, in the versions of its requirements.txt.
 * @throws UserError when they cannot be installed
 */
export async function ensurePythonTools(set: keyof typeof setDescriptions): Promise<PythonTools> {
  const requirements = join(root, "toolchain", set, "requirements.txt");
  const versions = createHash("sha256").update(await readFile(requirements));
  const folder = join(root, ".toolchain", `${set}-${versions.digest("hex").slice(0, 12)}`);
  const bin = join(folder, "bin");
  // Exists only after a complete installation.
  const completeMarker = join(folder, "whole");
  if (await exists(completeMarker)) return { bin };
  await rm(folder, { recursive: true, force: true });
  const script = `python3 -m venv "$1" && "$1/bin/pip" install -q --disable-pip-version-check -r "$2" && cp "$2" "$3"`;
  await runStep({
    description: `installing ${setDescriptions[set]}`,
    usualDuration: "1 minute",
    command: ["sh", "-c", script, "sh", folder, requirements, `${completeMarker}.part`],
  });
  await rename(`${completeMarker}.part`, completeMarker);
  return { bin };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
