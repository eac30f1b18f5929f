/** `npm run verify`: asks the running system whether it is whole. */
import { UserError } from "../user-error.ts";
import { examine } from "../verify/examine.ts";
import type { Finding } from "../verify/finding.ts";
import { readOutputs, type System } from "../verify/outputs.ts";
import { until } from "../verify/patience.ts";
import { table } from "../verify/table.ts";
import { standstillWords } from "./force-boot-messages.ts";
import type { Pulumi } from "./pulumi.ts";
import { stackArgument } from "./stack.ts";

export async function run(pulumi: Pulumi, args: readonly string[]): Promise<number> {
  const { stack, rest } = stackArgument(args);
  if (rest.length > 0)
    throw new UserError(`verify takes nothing but --stack NAME, and got: ${rest.join(" ")}`);
  const { whole } = await verify(pulumi, stack);
  return whole ? 0 : 1;
}

export interface Verified {
  readonly system: System;
  readonly findings: readonly Finding[];
  readonly whole: boolean;
}

/** Seconds that a change may take to be seen: a broker has to be found up again by the balancers, say. */
const patience = 60;

/**
 * Examines a stack's system and prints the table.
 * @param settled whether the findings are to be taken as they are; for a minute they are asked for again until then
 * @throws UserError when the stack has nothing that could be examined
 */
export async function verify(
  pulumi: Pulumi,
  stack: string,
  settled: (findings: readonly Finding[]) => boolean = () => true,
): Promise<Verified> {
  const system = await systemOf(pulumi, stack);
  const started = performance.now();
  const findings = await until({ seconds: patience, between: 1000 }, () => examine(system), settled);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${table(findings)}\n`);
  const failed = findings.filter((finding) => !finding.whole).length;
  const verdict = failed === 0 ? "is whole" : "is not whole";
  process.stderr.write(
    `stack ${stack} ${verdict}: ${failed} of ${findings.length} checks failed, in ${seconds} s\n`,
  );
  const [standstill] = findings.flatMap((finding) => finding.standstill ?? []);
  if (standstill !== undefined) process.stdout.write(`\n${standstillWords(standstill, stack)}\n`);
  return { system, findings, whole: failed === 0 };
}

/** @returns the stack's system as its outputs describe it @throws UserError when it has none */
export async function systemOf(pulumi: Pulumi, stack: string): Promise<System> {
  const answer = await pulumi.ask(["stack", "output", "--json", "--show-secrets", "--stack", stack]);
  if (answer.failed && !answer.stderr.includes("no stack named")) {
    throw new UserError(`the outputs of stack ${stack} cannot be read:\n${answer.stderr}`);
  }
  const system = answer.failed ? undefined : readOutputs(answer.stdout, stack);
  if (system === undefined) throw new UserError(`stack ${stack} has nothing to verify; npm run up first`);
  return system;
}
