/** The arguments of `npm run bench`. */
import { parseArgs } from "node:util";
import { UserError } from "../../user-error.ts";
import { parts, type Part } from "./figures.ts";

export interface BenchOptions {
  readonly only: readonly Part[];
  readonly rounds: number;
  readonly trials: number;
  readonly quick: boolean;
  /** Files, and a folder for charts, for the results, besides standard output. */
  readonly json?: string;
  readonly markdown?: string;
  readonly chart?: string;
}

const usage = `[--only ${parts.join(",")}] [--rounds N] [--trials N] [--json FILE] [--markdown FILE] [--chart DIR] [--quick]`;

/** @throws UserError when an argument is not valid */
export function readOptions(args: readonly string[]): BenchOptions {
  const values = parseArguments(args);
  const wanted = (values.only ?? parts.join(",")).split(",");
  const unknown = wanted.filter((name) => !parts.some((part) => part === name));
  if (unknown.length > 0)
    throw new UserError(`--only: unknown part ${unknown.join(", ")}; choose from ${parts.join(", ")}`);
  const { quick, json, markdown, chart } = values;
  return {
    only: parts.filter((part) => wanted.includes(part)),
    rounds: parseCount("--rounds", values.rounds ?? (quick ? "1" : "5")),
    trials: parseCount("--trials", values.trials ?? (quick ? "1" : "10")),
    quick,
    ...(json === undefined ? {} : { json }),
    ...(markdown === undefined ? {} : { markdown }),
    ...(chart === undefined ? {} : { chart }),
  };
}

function parseCount(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new UserError(`${name} is ${text}; give a whole number, 1 or more`);
  return Number(text);
}

type OptionValues = Partial<Record<"only" | "rounds" | "trials" | "json" | "markdown" | "chart", string>>;

function parseArguments(args: readonly string[]): OptionValues & { readonly quick: boolean } {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: text,
        rounds: text,
        trials: text,
        json: text,
        markdown: text,
        chart: text,
        quick: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UserError(
      `${error instanceof Error ? error.message : String(error)}; usage: npm run bench -- ${usage}`,
    );
  }
}
