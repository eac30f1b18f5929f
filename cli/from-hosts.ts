/** Questions to several hosts at once, of which each has to answer. */
import { z } from "zod";
import { SshError } from "../remote/ssh.ts";
import { UserError } from "../user-error.ts";
import type { Login } from "../verify/outputs.ts";

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
  const settled = await Promise.allSettled(logins.map(ask));
  const faults = settled.flatMap((each, index) =>
    each.status === "rejected" ? [`${logins[index]?.name ?? ""}: ${hostFault(each.reason)}`] : [],
  );
  if (faults.length > 0)
    throw new UserError(`${otherwise}:\n${faults.map((line) => `  ${line}`).join("\n")}`);
  return settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
}

/** @returns why the program on a host has not done or said what it should @throws what is a fault of this program */
export function hostFault(error: unknown): string {
  if (error instanceof z.ZodError) return "its answer is not whole";
  if (!(error instanceof SshError)) throw error;
  // argparse's code for a subcommand that it does not know.
  if (error.code === 2) return "it has the program of an earlier release; first run up";
  return error.message;
}
