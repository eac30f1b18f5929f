/** The versions that the brokers run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { needsOperator, pass } from "../../../verify/finding.ts";
import { judgeVersions } from "../../../verify/checks/versions.ts";

const running = (versions: Record<string, string>, erlang = "25.2.3") =>
  new Map(Object.entries(versions).map(([name, rabbitmq]) => [name, { rabbitmq, erlang }]));

test("brokers of one version pass, with the version and its support", () => {
  assert.deepEqual(
    judgeVersions(running({ mq1: "3.10.8", mq2: "3.10.8" })),
    pass("RabbitMQ 3.10.8 on Erlang 25.2.3; community support until 2023-07-31"),
  );
  assert.deepEqual(judgeVersions(running({ mq1: "4.9.0" }, "29")), pass("RabbitMQ 4.9.0 on Erlang 29"));
});

test("brokers of different versions are listed", () => {
  assert.deepEqual(
    judgeVersions(running({ mq1: "3.10.8", mq2: "3.10.9", mq3: "3.10.8" })),
    needsOperator(
      "the brokers run different versions: 3.10.8 on mq1, mq3; 3.10.9 on mq2",
      "finish the upgrade: docs/rolling.md",
    ),
  );
});
