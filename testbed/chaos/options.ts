/** The arguments of `npm run chaos`. */
import { parseArgs } from "node:util";
import { UserError } from "../../user-error.ts";
import { faults } from "./faults/index.ts";
import type { Fault } from "./faults/fault.ts";

export interface ChaosOptions {
  readonly faults: readonly Fault[];
  /** Trials of each fault, one after the other. */
  readonly times: number;
  /** Only list the faults. */
  readonly list: boolean;
  /** Keep the lab at the end. */
  readonly keep: boolean;
  /** Files to write the results to. */
  readonly json: string | undefined;
  readonly markdown: string | undefined;
}

/** @throws UserError when an argument is not valid */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { only, list, keep, json, markdown, ...counts } = parseArguments(args);
  const times = Number(counts.times);
  if (!Number.isInteger(times) || times < 1)
    throw new UserError(`chaos: --times is ${counts.times}; give a whole number from 1 on`);
  const names = only?.split(",").map((name) => name.trim()) ?? faults.map(({ name }) => name);
  const unknown = names.filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) {
    const known = faults.map(({ name }) => name).join(", ");
    throw new UserError(`chaos: unknown fault ${unknown.join(", ")}; choose from ${known}`);
  }
  return { faults: faults.filter(({ name }) => names.includes(name)), times, list, keep, json, markdown };
}

function parseArguments(args: readonly string[]) {
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
