/** `npm run up -- --repair`: an `up` that also runs again the resources that verify names. */
import type { Finding } from "../verify/finding.ts";
import type { Pulumi } from "./pulumi.ts";
import { planRepair, type Plan } from "./repair-plan.ts";
import { leftOut, mended, planWords } from "./repair-messages.ts";
import { platformOf, resourcesOf } from "./stack.ts";
import { verify } from "./verify.ts";

/** What is broken may hide what else is: verify can name more once the first is mended. */
const rounds = 3;

/**
 * Verifies, runs again what can be run again, and verifies whether that mended it.
 * @param flags of `pulumi up`
 * @returns the exit code; undefined, after verifying alone, where there is nothing to repair
 */
export async function repair(
  pulumi: Pulumi,
  stack: string,
  flags: readonly string[],
): Promise<number | undefined> {
  const lab = platformOf(stack) === "lab";
  const started = performance.now();
  const before = await verify(pulumi, stack);
  if (before.whole) return undefined;

  const done = new Set<string>();
  let now = before;
  let code = 0;
  let plan: Plan | undefined;
  for (let round = 1; round <= rounds && !now.whole && code === 0; round++) {
    plan = planRepair(now.findings, await resourcesOf(pulumi, stack), done);
    if (round > 1 && plan.urns.length === 0) break;
    print(planWords(plan), leftOut(plan, lab));
    const { urns } = plan;
    const replace = urns.flatMap((urn) => ["--replace", urn]);
    code = await pulumi.run(["up", "--yes", "--skip-preview", "--stack", stack, ...flags, ...replace]);
    // Ctrl-C, or a signal: whoever sent it does not want to wait.
    if (code > 128) return code;
    for (const urn of urns) done.add(urn);
    process.stdout.write("\n");
    now = await (code === 0 ? verify(pulumi, stack, tookEffect(plan)) : verify(pulumi, stack));
  }

  print(mended(before.findings, now.findings));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  if (now.whole && code === 0) {
    process.stderr.write(
      `stack ${stack} was repaired in ${seconds} s: ${done.size} resources were run again\n`,
    );
    return 0;
  }
  if (code !== 0) process.stderr.write(`The update ended with an error (exit code ${code}), see above.\n`);
  else print(leftOut(planRepair(now.findings, await resourcesOf(pulumi, stack), done), lab));
  process.stderr.write(`stack ${stack} is not repaired, after ${seconds} s\n`);
  return code === 0 ? 1 : code;
}

/** @returns whether what was run again has mended all that it was run again for */
function tookEffect({ reruns }: Plan): (findings: readonly Finding[]) => boolean {
  const names = reruns.map(({ name }) => name);
  return (findings) => !findings.some(({ rerun }) => rerun.some((name) => names.includes(name)));
}

function print(...paragraphs: readonly string[]): void {
  for (const text of paragraphs) if (text !== "") process.stdout.write(`\n${text}\n`);
  process.stdout.write("\n");
}
