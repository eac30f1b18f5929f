/** `npm run migrate`: moves the clients and messages of one stack's cluster to another's, behind the same address. */
import { parseArgs } from "node:util";
import { lookJson, lookMessage } from "../migration/messages.ts";
import { UserError } from "../user-error.ts";
import { addressFindings } from "./migrate/address-findings.ts";
import { withMigrationLock } from "./migrate/lock.ts";
import { lookAt } from "./migrate/read-clusters.ts";
import { runFinish, runMove } from "./migrate/run-move.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { extractOption, extractStackPair } from "./stack.ts";
import { readSystem } from "./verify.ts";

/** What is done: `forth` and `back` move, `finish` ends the migration. */
export type MigrateAction = "look" | "forth" | "back" | "finish";

export interface MigrateOptions {
  readonly from: string;
  readonly to: string;
  readonly action: MigrateAction;
  readonly isJson: boolean;
  readonly maxGapSeconds: number;
  readonly leavesStreams: boolean;
}

const defaultMaxGapSeconds = 5;
/** To end the connections and load the balancers' configuration takes about two. */
const leastMaxGapSeconds = 3;

/** @throws UserError unless there are two stacks and known flags */
export function parseMigrateOptions(args: readonly string[]): MigrateOptions {
  const { from, to, rest: flags } = extractStackPair(args);
  const { value: gap, rest } = extractOption(flags, {
    name: "max-gap",
    valueHint: "seconds, such as --max-gap 10",
  });
  const { values, positionals } = parseArgs({ args: rest, strict: false, allowPositionals: true });
  const { "dry-run": isDry, json, back, finish, "leave-streams": leave, ...unknown } = values;
  const others = [...Object.keys(unknown).map((name) => `--${name}`), ...positionals];
  if (others.length > 0)
    throw new UserError(
      `migrate takes --from OLD, --to NEW, --dry-run, --json, --max-gap SECONDS, --leave-streams, --back and --finish; leave out: ${others.join(" ")}`,
    );
  const given = [
    ...(isDry === true ? ["look"] : []),
    ...(back === true ? ["back"] : []),
    ...(finish === true ? ["finish"] : []),
  ];
  if (given.length > 1)
    throw new UserError("--dry-run, --back and --finish are different things; write one of them");
  const [action = "forth"] = given as MigrateAction[];
  const maxGapSeconds = Number(gap ?? defaultMaxGapSeconds);
  if (!Number.isFinite(maxGapSeconds) || maxGapSeconds < leastMaxGapSeconds)
    throw new UserError(`--max-gap ${String(gap)}: write at least ${leastMaxGapSeconds} seconds`);
  return { from, to, action, isJson: json === true, maxGapSeconds, leavesStreams: leave === true };
}

/** @returns 1 if something stands against the migration, or a balancer is left */
export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { from, to, action, isJson, maxGapSeconds, leavesStreams } = parseMigrateOptions(args);
  switch (action) {
    case "look": {
      const [old, fresh] = await Promise.all([readSystem(pulumi, from), readSystem(pulumi, to)]);
      const seen = await lookAt({ stack: from, system: old }, { stack: to, system: fresh });
      const found = { ...seen, findings: [...seen.findings, ...addressFindings(old, fresh)] };
      process.stdout.write(`${isJson ? lookJson(found) : lookMessage(found)}\n`);
      return found.findings.some(({ isBlocking }) => isBlocking) ? 1 : 0;
    }
    case "finish":
      return withMigrationLock(pulumi, [from, to], () => runFinish(pulumi, from, to));
    case "forth":
    case "back": {
      const args = { from, to, wanted: action, maxGapSeconds, leavesStreams };
      return withMigrationLock(pulumi, [from, to], () => runMove(pulumi, args));
    }
  }
}
