/** `npm run destroy`: takes a stack's resources away. The stack itself stays, empty, and can be upped again. */
import { say } from "../toolchain/step.ts";
import type { Pulumi } from "./pulumi.ts";
import { recoverStack, stackArgument } from "./stack.ts";

export async function run(pulumi: Pulumi, args: readonly string[]): Promise<number> {
  const { stack, rest } = stackArgument(args);
  const flags = await recoverStack(pulumi, stack, rest);
  if (flags === undefined) {
    say(`there is no stack ${stack}, so there is nothing to destroy`);
    return 0;
  }
  return pulumi.run(["destroy", "--yes", "--skip-preview", "--stack", stack, ...flags]);
}
