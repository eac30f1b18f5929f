/** The short form of `npm run chaos`: the most important faults, each under load, on a lab of its own. */
import { shortRunFaults } from "../../testbed/chaos/faults/index.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { testFaults } from "../support/short-chaos.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "x", net: 62 }));

testFaults(lab, shortRunFaults);
