/** `npm run verify`: checks the running system. */
import { UserError } from "../user-error.ts";
import { examine } from "../verify/examine.ts";
import { type Finding, nameOf } from "../verify/finding.ts";
import { readOutputs, type System } from "../verify/outputs.ts";
import { pollUntil } from "../verify/polling.ts";
import { formatTable } from "../verify/table.ts";
import { trustAuthorities } from "../verify/trust.ts";
import { unreachableAddressHint } from "../verify/unreachable-address.ts";
import { startDeadlockMessage } from "./force-boot-messages.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { npmCommand, extractStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = extractStackOption(args);
  if (rest.length > 0) throw new UserError(`verify takes only --stack NAME; leave out: ${rest.join(" ")}`);
  const result = await verify(pulumi, stack);
  writeHint(result.findings);
  return result.healthy ? 0 : 1;
}

/** Writes what may be wrong outside the hosts, as the last words of a command. */
export function writeHint(findings: readonly Finding[]): void {
  const hint = unreachableAddressHint(findings);
  if (hint !== undefined) process.stderr.write(`${hint}\n`);
}

/** The result of all checks of a stack's system. */
export interface VerifyResult {
  readonly system: System;
  readonly findings: readonly Finding[];
  readonly healthy: boolean;
}

/** When the findings after a change are final. */
export interface Settling {
  /** Until this is so, or the time is up, the system is examined again. */
  readonly isSettled: (findings: readonly Finding[]) => boolean;
  /** How long the change may take to show: the balancers, for example, have to see a broker come up again. */
  readonly seconds: number;
}

/**
 * Examines a stack's system and prints the table of findings.
 * @param settling @default the first findings are final
 * @throws UserError if the stack has no system to examine
 */
export async function verify(
  pulumi: PulumiCli,
  stack: string,
  settling: Settling = { isSettled: () => true, seconds: 0 },
): Promise<VerifyResult> {
  const system = await readSystem(pulumi, stack);
  const started = performance.now();
  const { findings, passedLater } = await examineUntilSettled(
    () => examine(system),
    settling,
    (failed) => {
      const names = failed.map(nameOf).join(", ");
      process.stderr.write(`what fails is looked at again, for up to ${settling.seconds} s: ${names}\n`);
    },
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${formatTable(findings)}\n`);
  for (const early of passedLater)
    process.stderr.write(
      `${nameOf(early)} failed at first (${early.detail}), and passed when looked at again\n`,
    );
  const failed = findings.filter((finding) => !finding.ok).length;
  const verdict = failed === 0 ? "is healthy" : "is not healthy";
  process.stderr.write(
    `stack ${stack} ${verdict}: ${failed} of ${findings.length} checks failed, in ${seconds} s\n`,
  );
  const [deadlock] = findings.flatMap((finding) => finding.startDeadlock ?? []);
  if (deadlock !== undefined) process.stdout.write(`\n${startDeadlockMessage(deadlock, stack)}\n`);
  return { system, findings, healthy: failed === 0 };
}

/**
 * @param onWait called with what fails when it is to be looked at again, once
 * @returns the last findings, and the first failure of each check that has passed since
 */
export async function examineUntilSettled(
  look: () => Promise<readonly Finding[]>,
  { isSettled, seconds }: Settling,
  onWait: (failed: readonly Finding[]) => void,
): Promise<{ findings: readonly Finding[]; passedLater: readonly Finding[] }> {
  const failures = new Map<string, Finding>();
  let waits = false;
  const lookAndNote = async (): Promise<readonly Finding[]> => {
    const seen = await look();
    for (const each of seen) if (!each.ok && !failures.has(nameOf(each))) failures.set(nameOf(each), each);
    if (!waits && !isSettled(seen)) {
      waits = true;
      onWait(seen.filter(({ ok }) => !ok));
    }
    return seen;
  };
  const findings = await pollUntil({ timeoutSeconds: seconds, intervalMs: 1000 }, lookAndNote, isSettled);
  for (const each of findings) if (!each.ok) failures.delete(nameOf(each));
  return { findings, passedLater: [...failures.values()] };
}

/** @returns the system that the stack's outputs describe @throws UserError if the stack has no outputs */
export async function readSystem(pulumi: PulumiCli, stack: string): Promise<System> {
  const system = await findSystem(pulumi, stack);
  if (system === undefined)
    throw new UserError(`stack ${stack} is not set up; run: ${npmCommand("up", stack)}`);
  trustAuthorities(system);
  return system;
}

/** As `readSystem`. @returns undefined if the stack has no outputs, or does not exist */
export async function findSystem(pulumi: PulumiCli, stack: string): Promise<System | undefined> {
  const answer = await pulumi.capture(["stack", "output", "--json", "--show-secrets", "--stack", stack]);
  if (answer.failed && !answer.stderr.includes("no stack named")) {
    throw new UserError(`the outputs of stack ${stack} cannot be read:\n${answer.stderr}`);
  }
  return answer.failed ? undefined : readOutputs(answer.stdout, stack);
}
