/** `npm run preview`: shows what `up` would change. */
import { refuseInterNodeChange } from "./inter-node.ts";
import { resolveReplaceFlagsOfStack } from "./replace.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { warnOfUnrotatedChanges } from "./rotate/in-place.ts";
import { prepareStack, readStackOutputs, extractStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest } = extractStackOption(args);
  const flags = await prepareStack(pulumi, stack, rest);
  const before = await readStackOutputs(pulumi, stack);
  refuseInterNodeChange(before, stack);
  await warnOfUnrotatedChanges(pulumi, stack, before);
  return pulumi.run([
    "preview",
    "--stack",
    stack,
    ...(await resolveReplaceFlagsOfStack(pulumi, stack, flags)),
  ]);
}
