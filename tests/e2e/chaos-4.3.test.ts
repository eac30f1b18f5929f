/** The short form of `npm run chaos` on RabbitMQ 4.3: the faults of brokers, on quorum queues and Khepri. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shortBrokerFaults } from "../../testbed/chaos/faults/index.ts";
import { findBrokerRelease } from "../../testbed/stacks/broker-releases.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { testFaults } from "../support/short-chaos.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "x", net: 62, release: findBrokerRelease("4.3.6") }));

testFaults(lab, shortBrokerFaults);

test("a broker that has crashed before is started again as soon as the first time", async () => {
  await lab.ensureUp("");
  const waits = await lab.runOn(
    lab.brokers[0] ?? "",
    `crashes=$(systemctl show rabbitmq-server -p NRestarts --value)
    systemctl kill --kill-whom=main --signal=KILL rabbitmq-server
    restarted() {
      [ "$(systemctl show rabbitmq-server -p NRestarts --value)" -gt "$crashes" ] && systemctl is-active -q rabbitmq-server
    }
    for _ in {1..300}; do if restarted; then break; fi; sleep 0.2; done
    restarted
    systemctl show rabbitmq-server -p RestartUSecNext --value`,
  );
  assert.equal(waits.trim(), "1s");
});
