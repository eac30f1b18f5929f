/** The short form of `npm run chaos`: some faults, each under load, as tests on a lab. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { faults } from "../../testbed/chaos/faults/index.ts";
import { defaultLoad } from "../../testbed/chaos/load.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { terminalTable } from "../../testbed/chaos/table.ts";
import { runTrial } from "../../testbed/chaos/trial.ts";
import type { LabStack } from "../../testbed/stacks/lab-stack.ts";

/** How long recovery may take: a little more than the goal, so that a missed goal still gets a figure. */
const timeoutSeconds = 75;

/** Declares a test for each of the faults. */
export function testFaults(lab: LabStack, names: readonly string[]): void {
  for (const name of names) {
    const fault = faults.find((each) => each.name === name);
    assert.ok(fault !== undefined, name);
    test(`${name}: ${fault.description}`, async (context) => {
      await lab.ensureUp("");
      const system = await readSystem(lab);
      const row = await runTrial({
        lab,
        system,
        fault,
        load: defaultLoad,
        runsNextUp: false,
        healthyTimeoutSeconds: timeoutSeconds,
        signal: context.signal,
        logProgress: (line) => {
          context.diagnostic(line);
        },
      });
      const table = terminalTable([row]);
      context.diagnostic(`\n${table}`);
      assert.deepEqual(row.missed, [], `${table}\n${row.logs}`);
    });
  }
}
