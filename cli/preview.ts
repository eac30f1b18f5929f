/** `npm run preview`: shows what `up` would change. */
import { extractFullStop, previewFullStop } from "./full-stop.ts";
import { refuseInterNodeChange } from "./inter-node.ts";
import { resolveReplaceFlagsOfStack } from "./replace.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { warnOfUnrotatedChanges } from "./rotate/in-place.ts";
import { prepareStack, readStackOutputs, extractStackOption } from "./stack.ts";

export async function run(pulumi: PulumiCli, args: readonly string[]): Promise<number> {
  const { stack, rest: others } = extractStackOption(args);
  const { fullStop, rest } = extractFullStop(others);
  const flags = await prepareStack(pulumi, stack, rest);
  const before = await readStackOutputs(pulumi, stack);
  refuseInterNodeChange(before, stack, fullStop);
  if (fullStop) await previewFullStop(pulumi, stack);
  await warnOfUnrotatedChanges(pulumi, stack, before);
  return pulumi.run([
    "preview",
    "--stack",
    stack,
    ...(await resolveReplaceFlagsOfStack(pulumi, stack, flags)),
  ]);
}
