/** What every file of tests on hosts does with its stack, so that no test needs the one before it to have passed. */
import { after, afterEach, before } from "node:test";
import type { TrialStack } from "../../testbed/labs/trial-stack.ts";

interface Use {
  /** The settings that the stack is opened with. @default none */
  readonly settings?: string;
  /**
   * What the tests need besides, once the stack is open: a file's own `before` would not wait for that, since the runner
   * begins all of them at once.
   */
  readonly prepare?: () => Promise<void>;
  /** Ends what else the file has begun, before the stack goes. */
  readonly release?: () => unknown;
}

/**
 * Opens the stack before the file's first test and closes it after the last one. Each test begins with `ensureUp`, which
 * costs nothing as long as the tests pass; after one that failed it brings the stack back to the settings that it names.
 * What a test does to hosts, it takes back itself.
 */
export function useStack<Stack extends TrialStack>(
  stack: Stack,
  { settings, prepare, release }: Use = {},
): Stack {
  before(async () => {
    await stack.open(settings);
    await prepare?.();
  });
  afterEach(async (context) => {
    // The context of a test has it too; the type knows of a suite's alone.
    if ("passed" in context && !context.passed) stack.doubt();
    await stack.endRuns();
  });
  // One hook for both: the runner leaves out the hooks after one that fails.
  after(async () => {
    try {
      await release?.();
    } finally {
      await stack.close();
    }
  });
  return stack;
}
