/** Moves clients and messages between the clusters of two stacks, and ends the migration. */
import { finish, restMessage } from "../../migration/finish.ts";
import type { Look } from "../../migration/look.ts";
import type { Direction } from "../../migration/direction.ts";
import { move } from "../../migration/move.ts";
import type { Plan } from "../../migration/plan.ts";
import { UserError } from "../../user-error.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { npmCommand } from "../stack.ts";
import { readStackFile, writeStackFile } from "../stack-file.ts";
import { readSystem } from "../verify.ts";
import { addressFindings } from "./address-findings.ts";
import { Cluster } from "./cluster.ts";
import { ClusterPair } from "./cluster-pair.ts";
import { makeDefiner } from "./definer.ts";
import { Ending } from "./ending.ts";
import { lookAt } from "./read-clusters.ts";
import { Migration } from "./migration.ts";
import { report } from "./report.ts";
import { setServedBrokers } from "./stack-config.ts";

export interface MoveArgs {
  readonly from: string;
  readonly to: string;
  readonly wanted: Direction;
  readonly maxGapSeconds: number;
  /** Whether what streams hold may stay where it is. */
  readonly leavesStreams: boolean;
}

interface Opened {
  readonly pair: ClusterPair;
  readonly migration: Migration;
  /** What a migration has to know; asked once, unless it shall be `isFresh`. */
  readonly look: (isFresh: boolean) => Promise<Look>;
}

async function open(pulumi: PulumiCli, from: string, to: string): Promise<Opened> {
  const [oldSystem, freshSystem] = await Promise.all([readSystem(pulumi, from), readSystem(pulumi, to)]);
  const pair = new ClusterPair(new Cluster(from, oldSystem), new Cluster(to, freshSystem));
  let known: Look | undefined;
  const look = async (isFresh: boolean): Promise<Look> => {
    if (known === undefined || isFresh) known = await lookPatiently(pair);
    return known;
  };
  const configure = (direction: Direction): void => {
    const servers = direction === "forth" ? freshSystem.brokers : undefined;
    writeStackFile(from, setServedBrokers(readStackFile(from), servers));
  };
  const plan = async (isFresh: boolean): Promise<Plan> => (await look(isFresh)).plan;
  const migration = new Migration({ pair, definer: makeDefiner({ pair, plan }), configure });
  return { pair, migration, look };
}

/** @returns the exit code: 0 if clients use the wanted cluster, through every balancer */
export async function runMove(pulumi: PulumiCli, args: MoveArgs): Promise<number> {
  const { from, to, wanted, maxGapSeconds, leavesStreams } = args;
  const started = performance.now();
  report(`looking at ${from} and ${to}`);
  const opened = await open(pulumi, from, to);
  const { migration } = opened;
  const note = await migration.readNote();
  if (note === undefined && wanted === "forth") await refuseUnready(opened);
  const outcome = await move(migration, wanted, { maxGapSeconds, leavesStreams }).finally(() =>
    migration.setUrgent(false),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const target = wanted === "forth" ? to : from;
  switch (outcome) {
    case "nothing":
      process.stdout.write(`no migration from ${from} to ${to} has begun\n`);
      return 0;
    case "already":
      process.stdout.write(`clients use ${target} already\n`);
      break;
    case "stopping":
      throw new UserError(
        `this migration is being ended, and nothing leads back; go on: npm run migrate -- --from ${from} --to ${to} --finish`,
      );
    case "cancelled":
      process.stdout.write(`the migration is cancelled; no message was carried, after ${seconds} s\n`);
      return 0;
    case "moved":
      process.stdout.write(`clients use ${target}, after ${seconds} s\n`);
  }
  if (migration.unreachedBalancers.size === 0) return 0;
  for (const [name, why] of migration.unreachedBalancers)
    process.stderr.write(
      `${name} does not lead to ${target} yet (clients that it serves are refused): ${why}\n`,
    );
  process.stderr.write("once it is back, run this again\n");
  return 1;
}

/** How often a look is repeated whose questions were not answered in time. */
const lookTries = 4;
/** For one broker. */
const lookSeconds = 30;

async function lookPatiently({ old, fresh }: ClusterPair): Promise<Look> {
  for (let left = lookTries; ; left -= 1) {
    try {
      return await lookAt(old, fresh, lookSeconds);
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

/** Asked once, before anything is changed. */
async function refuseUnready({ pair, look }: Opened): Promise<void> {
  const { old, fresh } = pair;
  const [from, to] = [old.stack, fresh.stack];
  const { findings } = await look(false);
  // It is written once clients have moved.
  setServedBrokers(readStackFile(from), fresh.system.brokers);
  const blocking = [...findings, ...addressFindings(old.system, fresh.system)].filter(
    ({ isBlocking }) => isBlocking,
  );
  if (blocking.length > 0)
    throw new UserError(
      `the migration is not begun; see npm run migrate -- --from ${from} --to ${to} --dry-run:\n${blocking
        .map(({ subjects, what }) => `  ${subjects.length === 0 ? "" : `${subjects.join(", ")}: `}${what}`)
        .join("\n")}`,
    );
  if (!fresh.system.expected?.plugins.includes("rabbitmq_shovel"))
    throw new UserError(
      `stack ${to} has no rabbitmq_shovel, which carries the messages: add it to rabbitmq.plugins and run ${npmCommand("up", to)}`,
    );
}

/** Stops the old brokers, which keep their data, and removes what the migration has made. */
export async function runFinish(pulumi: PulumiCli, from: string, to: string): Promise<number> {
  report(`asking ${from} whether it is empty`);
  const { pair } = await open(pulumi, from, to);
  const outcome = await finish(new Ending(pair));
  const move = `npm run migrate -- --from ${from} --to ${to}`;
  switch (outcome.kind) {
    case "nothing":
      throw new UserError(
        `no migration from ${from} to ${to} is under way: it has ended already, or not begun (${move})`,
      );
    case "unmoved":
      throw new UserError(`clients do not use ${to} yet; first: ${move}`);
    case "left":
      throw new UserError(`${from} ${restMessage(outcome.rest, move)}`);
    case "running":
      for (const [name, why] of outcome.failures) process.stderr.write(`${name} is not stopped: ${why}\n`);
      process.stderr.write(`once it answers, run this again: ${move} --finish\n`);
      return 1;
    case "finished": {
      const { balancers, virtualAddress } = pair.old.system;
      process.stdout.write(
        `The brokers of ${from} are stopped, and keep their data; ${virtualAddress} stays on its balancers ${balancers.map(({ name }) => name).join(", ")}, which lead to ${to}.\n`,
      );
      return 0;
    }
  }
}
