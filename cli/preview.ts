/** `npm run preview`: what `up` would do. */
import { withMachines } from "./replace.ts";
import type { Pulumi } from "./pulumi.ts";
import { openStack, stackArgument } from "./stack.ts";

export async function run(pulumi: Pulumi, args: readonly string[]): Promise<number> {
  const { stack, rest } = stackArgument(args);
  const flags = await openStack(pulumi, stack, rest);
  return pulumi.run(["preview", "--stack", stack, ...(await withMachines(pulumi, stack, flags))]);
}
