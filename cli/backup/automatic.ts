/** The backups that the program makes by itself, before something that could lose definitions. */
import { brokerServiceName } from "../../hosts/resource-names.ts";
import { logSetup } from "../../toolchain/step.ts";
import { UserError } from "../../user-error.ts";
import { findLogin } from "../../verify/checks/hosts.ts";
import type { System } from "../../verify/outputs.ts";
import { holdInterrupt } from "../interrupt.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { resourceNameOf, type StateResource } from "../repair-plan.ts";
import { readPlatform, readResources } from "../stack.ts";
import { findSystem } from "../verify.ts";
import { backUp, type BackupReason } from "./make.ts";
import { NoAnswerError } from "./source.ts";

/** The flag with which a user goes on without a backup. */
export const withoutBackupFlag = "--without-backup";

/** @returns whether the flag is among the arguments, and the others */
export function extractWithoutBackup(args: readonly string[]): {
  readonly withoutBackup: boolean;
  readonly rest: string[];
} {
  const rest = args.filter((arg) => arg !== withoutBackupFlag);
  return { withoutBackup: rest.length < args.length, rest };
}

/** @returns the brokers that the state still has; a destroy takes a broker's service out before its machine */
export function brokersInState(
  { brokers }: Pick<System, "brokers">,
  resources: readonly StateResource[],
): string[] {
  const names = new Set(resources.map(({ urn }) => resourceNameOf(urn)));
  return brokers.map(({ name }) => name).filter((name) => names.has(brokerServiceName(name)));
}

/**
 * Makes a backup, if the stack has something to back up. A lab whose brokers do not answer is no reason to stop: it is
 * made for trials.
 * @throws UserError if there is something, and no whole answer or no passphrase
 */
export async function backUpBefore(pulumi: PulumiCli, stack: string, before: BackupReason): Promise<void> {
  const resources = await readResources(pulumi, stack);
  const system = resources.length === 0 ? undefined : await findSystem(pulumi, stack);
  if (system === undefined) {
    if (resources.length > 0)
      logSetup(`no up of stack ${stack} has ended well yet, so it has nothing to back up`);
    return;
  }
  const names = brokersInState(system, resources);
  if (names.length === 0) {
    logSetup(`stack ${stack} has no broker any more, so it has nothing to back up`);
    return;
  }
  // Here nothing has begun yet, and nothing may begin after Ctrl-C.
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once("SIGINT", stop);
  try {
    const logins = names.map((name) => findLogin(system, name));
    const { path, seconds } = await holdInterrupt(() =>
      backUp(pulumi, stack, { system, logins, before, signal: interrupt.signal }),
    );
    logSetup(`definitions backed up before ${before}, in ${seconds} s: ${path}`);
  } catch (error) {
    if (interrupt.signal.aborted) throw interrupted();
    if (error instanceof NoAnswerError && readPlatform(stack) === "lab") {
      logSetup(`no backup was made of this lab, because no broker answers:\n${error.message}`);
      return;
    }
    if (!(error instanceof NoAnswerError) && !(error instanceof UserError)) throw error;
    const why = error instanceof NoAnswerError ? `no broker answers whole:\n${error.message}` : error.message;
    throw new UserError(
      `nothing was done, because no backup of the definitions can be made: ${why}\nMend that and run this again, or go on without a backup: ${withoutBackupFlag}`,
    );
  } finally {
    process.off("SIGINT", stop);
  }
  if (interrupt.signal.aborted) throw interrupted();
}

const interrupted = (): UserError => new UserError("interrupted before anything was done");
