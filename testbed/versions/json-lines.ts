/** Files in which tests record what they measure: a line of JSON for each result. */
import { readFile, writeFile } from "node:fs/promises";
import { readCommit } from "../documents/commit.ts";

/** The variable of the environment that asks the tests to record what they measure. */
const recordVariable = "RABBITMQ_HA_RECORD";

/** When a result was measured, and with which code. */
export interface Recorded {
  /** The day, such as 2026-11-27. */
  readonly date: string;
  readonly commit?: string | undefined;
}

export function isRecording(env: NodeJS.ProcessEnv): boolean {
  return (env[recordVariable] ?? "") !== "";
}

/** @returns today, and the commit of the code that runs */
export async function stamp(): Promise<Recorded> {
  return { date: new Date().toISOString().slice(0, 10), commit: await readCommit() };
}

/** @returns the results of a file; none when there is no such file */
export async function readLines<T>(file: string): Promise<readonly T[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

export async function writeLines(file: string, results: readonly unknown[]): Promise<void> {
  await writeFile(file, results.map((each) => `${JSON.stringify(each)}\n`).join(""));
}
