/** Runs the program's scripts through a real bash, in a folder of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { execa } from "execa";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script as the program's wrapper does: the whole text as one argument, and nothing goes on after an error. */
export async function bash(script: string, stdin = ""): Promise<Outcome> {
  const { exitCode = -1, ...rest } = await execa("bash", ["-c", `umask 022\nset -eu\n${script}`], {
    input: stdin,
    reject: false,
    stripFinalNewline: false,
    // Messages are compared, so they are in one language.
    env: { LC_ALL: "C.UTF-8" },
  });
  return { code: exitCode, stdout: rest.stdout, stderr: rest.stderr };
}

/** @returns a new folder, which is gone after the test file */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-unit-"));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
