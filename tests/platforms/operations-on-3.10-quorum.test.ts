/** The operations of a cluster on Debian 12's RabbitMQ 3.10 whose queues are quorum queues. */
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { testOperations } from "../support/operations-by-version.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "ov", net: 85, size: 5, release: findBrokerRelease("3.10.8") }));

testOperations(lab, { queues: "quorum" });
