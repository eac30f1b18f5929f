/** `npm run destroy`: removes a stack's resources. The empty stack stays, and `up` can set it up again. */
import { logSetup } from "../toolchain/step.ts";
import type { PulumiCli } from "./pulumi.ts";
import { recoverStack, takeStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStackOption(args);
  const flags = await recoverStack(pulumi, stack, rest);
  if (flags === undefined) {
    logSetup(`stack ${stack} does not exist; there is nothing to destroy`);
    return 0;
  }
  return pulumi.run(["destroy", "--yes", "--skip-preview", "--stack", stack, ...flags]);
}
