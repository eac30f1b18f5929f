/** Questions to several hosts at once, of which each has to answer. */
import { z } from "zod";
import { SshError } from "../remote/ssh.ts";
import { UserError } from "../user-error.ts";
import type { Login } from "../verify/outputs.ts";

/** Why something is not, or could not be, done on a host. */
export interface Fault {
  readonly name: string;
  readonly reason: string;
}

export const faultLine = ({ name, reason }: Fault): string => `${name}: ${reason}`;
export const faultLines = (faults: readonly Fault[]): string =>
  faults.map((fault) => `  ${faultLine(fault)}`).join("\n");

/** Does or asks the same on all hosts at once. @returns what those say that can do it, and why the others cannot */
export async function tryEach<Answer>(
  logins: readonly Login[],
  run: (login: Login) => Promise<Answer>,
): Promise<{ readonly answers: Answer[]; readonly faults: Fault[] }> {
  const settled = await Promise.allSettled(logins.map(run));
  return {
    answers: settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])),
    faults: settled.flatMap((each, index) =>
      each.status === "rejected" ? [{ name: logins[index]?.name ?? "", reason: hostFault(each.reason) }] : [],
    ),
  };
}

/**
 * Asks all hosts at once.
 * @returns what each says, in their order
 * @throws UserError that names every host without a whole answer; it begins with `otherwise`, what that means
 */
export async function askEach<Answer>(
  logins: readonly Login[],
  ask: (login: Login) => Promise<Answer>,
  otherwise: string,
): Promise<Answer[]> {
  const { answers, faults } = await tryEach(logins, ask);
  if (faults.length > 0) throw new UserError(`${otherwise}:\n${faultLines(faults)}`);
  return answers;
}

/** @returns why the program on a host has not done or said what it should @throws what is a fault of this program */
function hostFault(error: unknown): string {
  if (error instanceof z.ZodError) return "its answer is not whole";
  if (!(error instanceof SshError)) throw error;
  // argparse's code for a subcommand that it does not know.
  if (error.code === 2) return "it has the program of an earlier release; first run up";
  return error.message;
}
