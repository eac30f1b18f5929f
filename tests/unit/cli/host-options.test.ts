/** The options that allow something for single hosts, as variables for the program. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { takeHostOptions } from "../../../cli/host-options.ts";

test("each option becomes its variable; the other arguments stay in their order", () => {
  const args = ["--diff", "--take-over", "mq1,mq2", "--new-host-key=mq3", "--stack", "prod"];
  assert.deepEqual(takeHostOptions(args), {
    variables: { RABBITMQ_HA_TAKE_OVER: "mq1,mq2", RABBITMQ_HA_NEW_HOST_KEYS: "mq3" },
    rest: ["--diff", "--stack", "prod"],
  });
  assert.deepEqual(takeHostOptions(["--diff"]), { variables: {}, rest: ["--diff"] });
});

test("a machine that is replaced may show a new key; a resource that is re-run may not", () => {
  const args = ["--replace", "mq1", "--replace", "urn:pulumi:prod::rabbitmq-ha::x::mq2-config"];
  assert.deepEqual(takeHostOptions(args), {
    variables: { RABBITMQ_HA_NEW_HOST_KEYS: "mq1" },
    rest: args,
  });
});
