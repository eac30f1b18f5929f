/** The AWS CLI and a server that answers it in AWS's place, both from PyPI, in a folder of their own. */
import { createHash } from "node:crypto";
import { access, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { step } from "./step.ts";

const root = dirname(dirname(import.meta.dirname));
const requirements = join(root, "lab", "toolchain", "aws", "requirements.txt");

export interface AwsTools {
  /** The folder of the commands `aws` and `moto_server`. */
  readonly bin: string;
}

/**
 * Makes sure that the tools are there, in the versions that lab/toolchain/aws names.
 * @throws SetupError when they cannot be installed
 */
export async function ensureAwsTools(): Promise<AwsTools> {
  const versions = createHash("sha256").update(await readFile(requirements));
  const folder = join(root, ".toolchain", `aws-${versions.digest("hex").slice(0, 12)}`);
  const bin = join(folder, "bin");
  const whole = join(folder, "whole");
  if (await exists(whole)) return { bin };
  await rm(folder, { recursive: true, force: true });
  const script = `python3 -m venv "$1" && "$1/bin/pip" install -q --disable-pip-version-check -r "$2" && cp "$2" "$3"`;
  await step({
    what: "installing the AWS CLI and moto's server",
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
