/** The short form of `npm run chaos`: the faults that matter most, each under load, on a lab of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { faults, short } from "../../testbed/chaos/faults/index.ts";
import { usual } from "../../testbed/chaos/load.ts";
import { systemOf } from "../../testbed/chaos/suite.ts";
import { text } from "../../testbed/chaos/table.ts";
import { trial } from "../../testbed/chaos/trial.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "x", net: 62 }));

/** Seconds to be whole again; a little more than the goal, so that a missed one has a figure. */
const patience = 75;

for (const name of short) {
  const fault = faults.find((each) => each.name === name);
  assert.ok(fault !== undefined);
  test(`${name}: ${fault.what}`, async (context) => {
    await lab.ensureUp("");
    const row = await trial({
      lab,
      system: await systemOf(lab),
      fault,
      load: usual,
      nextUp: false,
      patience,
      signal: context.signal,
      say: (line) => {
        context.diagnostic(line);
      },
    });
    const table = text([row]);
    context.diagnostic(`\n${table}`);
    assert.deepEqual(row.missed, [], `${table}\n${row.logs}`);
  });
}
