/** Tools from PyPI that tests use, each set in a folder of its own. */
import { createHash } from "node:crypto";
import { access, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { step } from "./step.ts";

const root = dirname(import.meta.dirname);

/** What each set is, by its folder in toolchain, which names its versions. */
const sets = {
  aws: "the AWS CLI and moto's server, which answers it in AWS's place",
  agent: "the linter and the type checker of the program on the hosts",
} as const;

export interface PythonTools {
  /** The folder of the set's commands. */
  readonly bin: string;
}

/**
 * Makes sure that a set of tools is there, in the versions that its folder in toolchain names.
 * @throws UserError when they cannot be installed
 */
export async function ensurePythonTools(set: keyof typeof sets): Promise<PythonTools> {
  const requirements = join(root, "toolchain", set, "requirements.txt");
  const versions = createHash("sha256").update(await readFile(requirements));
  const folder = join(root, ".toolchain", `${set}-${versions.digest("hex").slice(0, 12)}`);
  const bin = join(folder, "bin");
  const whole = join(folder, "whole");
  if (await exists(whole)) return { bin };
  await rm(folder, { recursive: true, force: true });
  const script = `python3 -m venv "$1" && "$1/bin/pip" install -q --disable-pip-version-check -r "$2" && cp "$2" "$3"`;
  await step({
    what: `installing ${sets[set]}`,
    usually: "1 minute",
    command: ["sh", "-c", script, "sh", folder, requirements, `${whole}.part`],
  });
  await rename(`${whole}.part`, whole);
  return { bin };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
