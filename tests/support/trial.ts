/** Opens and closes the stack of a file of tests on hosts, so that no test depends on the one before it. */
import { after, afterEach, before } from "node:test";
import type { TrialStack } from "../../testbed/stacks/trial-stack.ts";

interface UseStackOptions {
  /** The settings that the stack is opened with. @default none */
  readonly settings?: string;
  /**
   * Further preparation, once the stack is open. A `before` of the file's own would not wait for that, since the runner
   * starts all of them at once.
   */
  readonly prepare?: () => Promise<void>;
  /** Ends what else the file has started, before the stack is closed. */
  readonly release?: () => unknown;
}

/**
 * Opens the stack before the file's first test and closes it after the last one. Each test begins with `ensureUp`, which
 * costs nothing as long as the tests pass. After a failed test it brings the stack back to the settings that it is given.
 * A test reverts its own changes on hosts.
 */
export function useStack<Stack extends TrialStack>(
  stack: Stack,
  { settings, prepare, release }: UseStackOptions = {},
): Stack {
  before(async () => {
    await stack.open(settings);
    await prepare?.();
  });
  afterEach(async (context) => {
    // A test's context has it too, but only the type of a suite's context declares it.
    if ("passed" in context && !context.passed) stack.markStateUnknown();
    await stack.stopRuns();
  });
  // One hook for both: after a failed hook the runner skips the next ones.
  after(async () => {
    try {
      await release?.();
    } finally {
      await stack.close();
    }
  });
  return stack;
}
