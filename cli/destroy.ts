/** `npm run destroy`: removes a stack's resources. The empty stack stays, and `up` can set it up again. */
import { logSetup } from "../toolchain/step.ts";
import { backUpBefore, extractWithoutBackup } from "./backup/automatic.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { recoverStack, extractStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest: others } = extractStackOption(args);
  const { withoutBackup, rest } = extractWithoutBackup(others);
  const flags = await recoverStack(pulumi, stack, rest);
  if (flags === undefined) {
    logSetup(`stack ${stack} does not exist; there is nothing to destroy`);
    return 0;
  }
  if (!withoutBackup) await backUpBefore(pulumi, stack, "destroy");
  return pulumi.run(["destroy", "--yes", "--skip-preview", "--stack", stack, ...flags]);
}
