/** What every file of tests on hosts does with its stack, so that no test needs the one before it to have passed. */
import { after, afterEach, before } from "node:test";
import type { TrialStack } from "../../lab/trial/trial-stack.ts";

/**
 * Opens the stack before the file's first test and closes it after the last one. Each test begins with `ensureUp`, which
 * costs nothing as long as the tests pass; after one that failed it brings the stack back to the settings that it names.
 * What a test does to hosts, it takes back itself.
 */
export function useStack<Stack extends TrialStack>(stack: Stack, settings?: string): Stack {
  before(() => stack.open(settings));
  afterEach(async (context) => {
    // The context of a test has it too; the type knows of a suite's alone.
    if ("passed" in context && !context.passed) stack.doubt();
    await stack.endRuns();
  });
  after(() => stack.close());
  return stack;
}
