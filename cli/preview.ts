/** `npm run preview`: shows what `up` would change. */
import { checkInterNode } from "./inter-node.ts";
import { resolveReplaceFlagsOfStack } from "./replace.ts";
import type { PulumiCli } from "./pulumi.ts";
import { warnOfChangesInPlace } from "./rotate/in-place.ts";
import { openStack, readStackOutputs, takeStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = takeStackOption(args);
  const flags = await openStack(pulumi, stack, rest);
  const before = await readStackOutputs(pulumi, stack);
  checkInterNode(before, stack);
  await warnOfChangesInPlace(pulumi, stack, before);
  return pulumi.run([
    "preview",
    "--stack",
    stack,
    ...(await resolveReplaceFlagsOfStack(pulumi, stack, flags)),
  ]);
}
