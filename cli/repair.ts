/** `npm run up -- --repair`: an `up` that also re-runs the resources behind failed checks. */
import { type Finding, nameOf } from "../verify/finding.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { planRepair, type RepairPlan } from "./repair-plan.ts";
import { skippedMessage, repairTable, planMessage } from "./repair-messages.ts";
import { readPlatform, readResources } from "./stack.ts";
import { verify } from "./verify.ts";

/** One fault may hide another: after a repair, verify can find further failed checks. */
const maxRounds = 3;

/** How long a repair may take to show. */
const settleSeconds = 60;

/**
 * Verifies, re-runs the resources behind failed checks, and verifies again.
 * @param flags of `pulumi up`
 * @returns the exit code; undefined if the first verification finds nothing to repair
 */
export async function repair(
  pulumi: PulumiCli,
  stack: string,
  flags: readonly string[],
): Promise<number | undefined> {
  const lab = readPlatform(stack) === "lab";
  const started = performance.now();
  const before = await verify(pulumi, stack);
  if (before.healthy) return undefined;

  const done = new Set<string>();
  let now = before;
  let code = 0;
  let plan: RepairPlan | undefined;
  for (let round = 1; round <= maxRounds && !now.healthy && code === 0; round++) {
    plan = planRepair(now.findings, await readResources(pulumi, stack), done);
    if (round > 1 && plan.urnsToReplace.length === 0) break;
    print(planMessage(plan), skippedMessage(plan, lab));
    const { urnsToReplace } = plan;
    const replace = urnsToReplace.flatMap((urn) => ["--replace", urn]);
    code = await pulumi.run(["up", "--yes", "--skip-preview", "--stack", stack, ...flags, ...replace]);
    // Interrupted by Ctrl-C or another signal: end at once.
    if (code > 128) return code;
    for (const urn of urnsToReplace) done.add(urn);
    process.stdout.write("\n");
    const isSettled = hasTakenEffect(plan, now.findings);
    now = await verify(pulumi, stack, code === 0 ? { isSettled, seconds: settleSeconds } : undefined);
  }

  print(repairTable(before.findings, now.findings));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  if (now.healthy && code === 0) {
    process.stderr.write(`stack ${stack} was repaired in ${seconds} s: ${done.size} resources were re-run\n`);
    return 0;
  }
  if (code !== 0) process.stderr.write(`The update failed with exit code ${code}; see its output above.\n`);
  else print(skippedMessage(planRepair(now.findings, await readResources(pulumi, stack), done), lab));
  process.stderr.write(`stack ${stack} is not repaired after ${seconds} s\n`);
  return code === 0 ? 1 : code;
}

/**
 * @param before the findings that the plan was made for
 * @returns whether every check passes that the plan does not leave to the user, and none names a re-run resource. While
 * HAProxy still counts a repaired broker's good answers, its check fails with another detail, which names no resource.
 * The checks of a broker that waited for others name none that was re-run, and pass with what was.
 */
export function hasTakenEffect(
  { reruns, skipped }: Pick<RepairPlan, "reruns" | "skipped">,
  before: readonly Finding[],
): (findings: readonly Finding[]) => boolean {
  if (reruns.length === 0) return () => true;
  const names = new Set(reruns.map(({ name }) => name));
  const left = new Set(skipped.flatMap(({ findings }) => findings.map(nameOf)));
  const failed = before.filter(({ ok }) => !ok).map(nameOf);
  const awaited = new Set(failed.filter((key) => !left.has(key)));
  return (findings) =>
    !findings.some(
      (finding) =>
        !finding.ok &&
        (awaited.has(nameOf(finding)) || finding.resourcesToRerun.some((name) => names.has(name))),
    );
}

function print(...paragraphs: readonly string[]): void {
  for (const text of paragraphs) if (text !== "") process.stdout.write(`\n${text}\n`);
  process.stdout.write("\n");
}
