/** The operations of a cluster on RabbitMQ 4.3, with quorum queues and Khepri. */
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { testOperations } from "../support/operations-by-version.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "ov", net: 85, size: 5, release: findBrokerRelease("4.3.6") }));

testOperations(lab);
