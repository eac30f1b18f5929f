/** The short form of `npm run chaos`: the most important faults, each under load, on a lab of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { faults, shortRunFaults } from "../../testbed/chaos/faults/index.ts";
import { defaultLoad } from "../../testbed/chaos/load.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { terminalTable } from "../../testbed/chaos/table.ts";
import { runTrial } from "../../testbed/chaos/trial.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "x", net: 62 }));

/** How long recovery may take: a little more than the goal, so that a missed goal still gets a figure. */
const timeoutSeconds = 75;

for (const name of shortRunFaults) {
  const fault = faults.find((each) => each.name === name);
  assert.ok(fault !== undefined);
  test(`${name}: ${fault.description}`, async (context) => {
    await lab.ensureUp("");
    const row = await runTrial({
      lab,
      system: await readSystem(lab),
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
