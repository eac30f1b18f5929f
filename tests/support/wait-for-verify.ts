/** Waits for what `verify` finds. */
import assert from "node:assert/strict";
import { tail } from "../../testbed/stacks/running-up.ts";
import type { ScriptResult, TrialStack } from "../../testbed/stacks/trial-stack.ts";
import { pollUntil } from "../../verify/polling.ts";

const timeoutSeconds = 120;

/**
 * Runs `verify` until its result is as wanted; by default, until all is healthy.
 * @returns what it printed at last
 */
export async function waitForVerify(
  stack: TrialStack,
  isWanted: (result: ScriptResult) => boolean = ({ code }) => code === 0,
): Promise<string> {
  const ask = (): Promise<ScriptResult> => stack.npm("verify");
  const last = await pollUntil({ timeoutSeconds, intervalMs: 2000 }, ask, isWanted);
  assert.ok(isWanted(last), `not within ${timeoutSeconds} s:\n${tail(last.output)}`);
  return last.output;
}
