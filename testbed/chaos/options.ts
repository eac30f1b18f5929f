/** What `npm run chaos` is asked for. */
import { parseArgs } from "node:util";
import { UserError } from "../../user-error.ts";
import { faults } from "./faults/index.ts";
import type { Fault } from "./faults/fault.ts";

export interface Options {
  readonly faults: readonly Fault[];
  /** How often each of them is made, one fault after the other. */
  readonly times: number;
  /** Only say what faults there are. */
  readonly list: boolean;
  /** Leave the lab there at the end. */
  readonly keep: boolean;
  /** Files to write the results to. */
  readonly json: string | undefined;
  readonly markdown: string | undefined;
}

/** @throws UserError that says what is wrong with the arguments */
export function readOptions(args: readonly string[]): Options {
  const { only, list, keep, json, markdown, ...counts } = parse(args);
  const times = Number(counts.times);
  if (!Number.isInteger(times) || times < 1)
    throw new UserError(`chaos: --times wants a whole number from 1 on, and got ${counts.times}`);
  const names = only?.split(",").map((name) => name.trim()) ?? faults.map(({ name }) => name);
  const unknown = names.filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    const known = faults.map(({ name }) => name).join(", ");
    throw new UserError(`chaos knows no fault ${unknown.join(", ")}; there are ${known}`);
  }
  return { faults: faults.filter(({ name }) => names.includes(name)), times, list, keep, json, markdown };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        times: { type: "string", default: "1" },
        list: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        json: { type: "string" },
        markdown: { type: "string" },
      },
    });
    return values;
  } catch (error) {
    throw new UserError(`chaos: ${error instanceof Error ? error.message : String(error)}`);
  }
}
