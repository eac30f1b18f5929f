/** `npm run migrate`: what a migration from one stack's cluster to another's would do. */
import { parseArgs } from "node:util";
import { lookJson, lookMessage } from "../migration/messages.ts";
import { UserError } from "../user-error.ts";
import { lookAt } from "./migrate/look.ts";
import type { PulumiCli } from "./pulumi.ts";
import { takeStackPair } from "./stack.ts";

export interface MigrateOptions {
  readonly from: string;
  readonly to: string;
  readonly isJson: boolean;
}

/** @throws UserError unless there are two stacks and known flags */
export function parseMigrateOptions(args: readonly string[]): MigrateOptions {
  const { from, to, rest } = takeStackPair(args);
  const { values, positionals } = parseArgs({ args: rest, strict: false, allowPositionals: true });
  const { "dry-run": isDry, json, ...unknown } = values;
  const others = [...Object.keys(unknown).map((name) => `--${name}`), ...positionals];
  if (others.length > 0)
    throw new UserError(
      `migrate takes --from OLD, --to NEW, --dry-run and --json; leave out: ${others.join(" ")}`,
    );
  if (isDry !== true) throw new UserError("migrate only looks so far; add --dry-run");
  return { from, to, isJson: json === true };
}

/** @returns 1 if something stands against the migration */
export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { from, to, isJson } = parseMigrateOptions(args);
  const found = await lookAt(pulumi, from, to);
  process.stdout.write(`${isJson ? lookJson(found) : lookMessage(found)}\n`);
  return found.findings.some(({ isBlocking }) => isBlocking) ? 1 : 0;
}
