/** Runs the program's scripts in a real bash, in a folder of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { execa } from "execa";

export interface ScriptResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script as the program's wrapper does: as one argument, ending at the first error. */
export async function runBash(script: string, stdin = ""): Promise<ScriptResult> {
  const { exitCode = -1, ...rest } = await execa("bash", ["-c", `umask 022\nset -eu\n${script}`], {
    input: stdin,
    reject: false,
    stripFinalNewline: false,
    // Tests compare messages, so their language must be fixed.
    env: { LC_ALL: "C.UTF-8" },
  });
  return { code: exitCode, stdout: rest.stdout, stderr: rest.stderr };
}

/** @returns a new folder, which is deleted after the test file */
export async function makeScratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-unit-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
