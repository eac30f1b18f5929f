/** `npm run destroy`: removes a stack's resources. The empty stack stays, and `up` can set it up again. */
import { logSetup } from "../toolchain/step.ts";
import { backUpBefore, extractWithoutBackup } from "./backup/automatic.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { resourceNameOf, type StateResource } from "./repair-plan.ts";
import { recoverStack, extractStackOption, readResources } from "./stack.ts";
import { UserError } from "../user-error.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest: others } = extractStackOption(args);
  const { withoutBackup, rest } = extractWithoutBackup(others);
  const flags = await recoverStack(pulumi, stack, rest);
  if (flags === undefined) {
    logSetup(`stack ${stack} does not exist; there is nothing to destroy`);
    return 0;
  }
  // Who names what is to go, or leaves out what is protected, means a part.
  const isWhole = !rest.some((flag) => /^(--target|-t$|--exclude)/.test(flag));
  if (isWhole) refuseProtected(stack, await readResources(pulumi, stack));
  if (!withoutBackup) await backUpBefore(pulumi, stack, "destroy");
  return pulumi.run(["destroy", "--yes", "--skip-preview", "--stack", stack, ...flags]);
}

/**
 * Pulumi refuses a protected resource only once others are gone.
 * @throws UserError if there is one
 */
export function refuseProtected(stack: string, resources: readonly StateResource[]): void {
  const names = resources.filter(({ protect }) => protect === true).map(({ urn }) => resourceNameOf(urn));
  if (names.length === 0) return;
  throw new UserError(
    `stack ${stack}: nothing was destroyed: ${names.join(", ")} are protected. If aws.terminationProtection is true, ` +
      `set it to false, run npm run up -- --stack ${stack}, and destroy again; what was protected by hand: ` +
      `npm run pulumi -- state unprotect URN --stack ${stack}`,
  );
}
