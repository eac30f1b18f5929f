/** `npm run preview`: shows what `up` would change. */
import { checkInterNode } from "./inter-node.ts";
import { resolveReplaceFlagsOfStack } from "./replace.ts";
import type { PulumiCli } from "./pulumi.ts";
import { warnOfChangesInPlace } from "./rotate/in-place.ts";
import { openStack, takeStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStackOption(args);
  const flags = await openStack(pulumi, stack, rest);
  await checkInterNode(pulumi, stack);
  await warnOfChangesInPlace(pulumi, stack);
  return pulumi.run([
    "preview",
    "--stack",
    stack,
    ...(await resolveReplaceFlagsOfStack(pulumi, stack, flags)),
  ]);
}
