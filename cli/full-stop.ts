/** `--full-stop`: changes `tls.interNode` of a running stack, which all brokers have to be stopped for. */
import { distributionTerms } from "../hosts/distribution.ts";
import { interNodeWords } from "../hosts/inter-node.ts";
import { logSetup } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import { brokerLogins } from "../verify/checks/hosts.ts";
import { backUpBefore } from "./backup/automatic.ts";
import { actOnHost } from "./full-stop/hosts.ts";
import { carryOut, describePlan, planFor, type FullStop } from "./full-stop/run.ts";
import { fullStopFlag, isByTlsIn } from "./inter-node.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { readStackFile } from "./stack-file.ts";
import { npmCommand } from "./stack.ts";
import { readSystem } from "./verify.ts";

/** @returns whether the flag is among the arguments, and the others */
export function extractFullStop(args: readonly string[]): {
  readonly fullStop: boolean;
  readonly rest: string[];
} {
  const rest = args.filter((arg) => arg !== fullStopFlag);
  return { fullStop: rest.length < args.length, rest };
}

/** Shows what `up` with the flag would do, and asks every broker's host for it. @throws UserError if it would refuse */
export async function previewFullStop(pulumi: PulumiCli, stack: string): Promise<void> {
  const full = await fullStopOf(pulumi, stack);
  const lines = describePlan(await planFor(full), full.change);
  for (const line of lines) logSetup(line);
  if (lines.length === 0) logSetup(nothingToDo(full));
}

/**
 * Stops all brokers, changes them and starts them, after a backup of the definitions.
 * @throws UserError if a broker's host does not answer, or it could not be completed
 */
export async function fullStop(pulumi: PulumiCli, stack: string, withoutBackup: boolean): Promise<void> {
  const full = await fullStopOf(pulumi, stack);
  let plan = await planFor(full);
  if (plan.isNew && !withoutBackup) {
    await backUpBefore(pulumi, stack, "full-stop");
    // The backup has taken some seconds.
    plan = await planFor(full);
  }
  const seconds = await carryOut(full, plan);
  logSetup(
    seconds === undefined ? nothingToDo(full) : `all brokers serve and speak alike again, after ${seconds} s`,
  );
}

async function fullStopOf(pulumi: PulumiCli, stack: string): Promise<FullStop> {
  const system = await readSystem(pulumi, stack);
  const { expected, amqpUri } = system;
  if (expected === undefined)
    throw new UserError(
      `the last up of stack ${stack} was that of an earlier release; first run up without ${fullStopFlag}`,
    );
  const byTls = isByTlsIn(readStackFile(stack));
  return {
    cluster: { logins: brokerLogins(system), port: new URL(amqpUri).port },
    change: { byTls, distribution: distributionTerms(expected.netTickTime, byTls) },
    command: npmCommand("up", stack, fullStopFlag),
    act: actOnHost,
    tell: logSetup,
  };
}

const nothingToDo = ({ change }: FullStop): string =>
  `all brokers speak ${interNodeWords(change.byTls)} with each other already, so none is stopped`;
