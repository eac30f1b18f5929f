/** The operations of a cluster on Debian 13's RabbitMQ 4.0 whose operator has chosen Khepri, with quorum queues. */
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { testOperations } from "../support/operations-by-version.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "ov", net: 85, size: 5, release: findBrokerRelease("4.0.5") }));

testOperations(lab, { store: "Khepri" });
