/** The short form of `npm run chaos` on RabbitMQ 4.3: the faults of brokers, on quorum queues and Khepri. */
import { shortBrokerFaults } from "../../testbed/chaos/faults/index.ts";
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { testFaults } from "../support/short-chaos.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "x", net: 62, release: findBrokerRelease("4.3.6") }));

testFaults(lab, shortBrokerFaults);
