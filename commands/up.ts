import type { Pulumi } from "./pulumi.ts";
import { openStack, stackArgument } from "./stack.ts";
export async function run(pulumi: Pulumi, args: readonly string[]): Promise<number> {
  const { stack, rest } = stackArgument(args);
  await openStack(pulumi, stack);
  return pulumi.run(["up", "--yes", "--skip-preview", "--stack", stack, ...rest]);
}
