/** The arguments of `npm run bench`. */
import { parseArgs } from "node:util";
import { UserError } from "../../user-error.ts";
import { parts, type Part } from "./figures.ts";

export interface Options {
  readonly only: readonly Part[];
  readonly rounds: number;
  readonly trials: number;
  readonly quick: boolean;
  /** Where the results go next to standard output. */
  readonly json?: string;
  readonly markdown?: string;
  readonly chart?: string;
}

const usage = `[--only ${parts.join(",")}] [--rounds N] [--trials N] [--json FILE] [--markdown FILE] [--chart DIR] [--quick]`;

/** @throws UserError when an argument is not understood */
export function options(args: readonly string[]): Options {
  const values = parsed(args);
  const wanted = (values.only ?? parts.join(",")).split(",");
  const unknown = wanted.filter((name) => !parts.some((part) => part === name));
  if (unknown.length > 0)
    throw new UserError(`--only knows ${parts.join(", ")}, and not ${unknown.join(" or ")}`);
  const { quick, json, markdown, chart } = values;
  return {
    only: parts.filter((part) => wanted.includes(part)),
    rounds: count("--rounds", values.rounds ?? (quick ? "1" : "5")),
    trials: count("--trials", values.trials ?? (quick ? "1" : "10")),
    quick,
    ...(json === undefined ? {} : { json }),
    ...(markdown === undefined ? {} : { markdown }),
    ...(chart === undefined ? {} : { chart }),
  };
}

function count(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new UserError(`${name} wants a whole number, 1 or more, and not ${text}`);
  return Number(text);
}

type Named = Partial<Record<"only" | "rounds" | "trials" | "json" | "markdown" | "chart", string>>;

function parsed(args: readonly string[]): Named & { readonly quick: boolean } {
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
      `${error instanceof Error ? error.message : String(error)}; npm run bench -- ${usage}`,
    );
  }
}
