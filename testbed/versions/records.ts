/** The record of operations on each version of RabbitMQ: a file with one line for each, the last that was measured. */
import { join } from "node:path";
import { type Column, columnName } from "../chaos/report.ts";
import { root } from "../stacks/trial-stack.ts";
import { isRecording, readLines, type Recorded, stamp, writeLines } from "./json-lines.ts";

/** The operations, in the order of the table, and what of each is written down. */
export const operations = {
  lifecycle: "`up` from nothing, verification included; a second `up`; `destroy`",
  "rolling change": "a setting that restarts each broker in turn, under load",
  replace: "the first broker's machine replaced, under load",
  scale: "two brokers added, and removed again, under load",
  "only copy":
    "a broker that has the only copy of a queue, and one beside a stopped broker, told to leave: what refuses it",
  "whole stop":
    "all brokers stopped in turn, their machines off, and on again at once: brokers back without help",
  "force-boot":
    "after a stop of all, without the broker that stopped last: `--force-boot` starts those that are left, with Khepri a single one; the time is that of the whole run of `up`",
} as const;
export type Operation = keyof typeof operations;

export interface OperationRecord extends Recorded, Omit<Column, "tls"> {
  readonly operation: Operation;
  /** What was seen, in few words. */
  readonly result: string;
}

const recordsFile: string = join(root, "docs", "versions.jsonl");

/** @returns the records of a file; none when there is no such file */
export async function readRecords(file = recordsFile): Promise<readonly OperationRecord[]> {
  return readLines<OperationRecord>(file);
}

/** @returns the records with the new one in place of an earlier one of the same operation and column */
export function mergeRecord(records: readonly OperationRecord[], record: OperationRecord): OperationRecord[] {
  const key = (each: OperationRecord): string =>
    `${columnName(each)} ${String(Object.keys(operations).indexOf(each.operation))}`;
  return [...records.filter((each) => key(each) !== key(record)), record].sort((one, other) =>
    key(one).localeCompare(key(other), "en", { numeric: true }),
  );
}

/** Records what a test has measured, if the environment asks for it. */
export async function recordOperation(
  measured: Omit<OperationRecord, keyof Recorded>,
  {
    env = process.env,
    file = recordsFile,
  }: { readonly env?: NodeJS.ProcessEnv; readonly file?: string } = {},
): Promise<void> {
  if (!isRecording(env)) return;
  await writeLines(file, mergeRecord(await readRecords(file), { ...measured, ...(await stamp()) }));
}
