/** Which queues wait until the source is closed, in either direction. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { whyNotAhead, withoutExpiring } from "../../../migration/carried-late.ts";
import { definitionsOf } from "../definitions/draft.ts";

const queue = (name: string, given: object = {}, more: object = {}) => ({
  vhost: "/",
  name,
  durable: true,
  auto_delete: false,
  arguments: given,
  ...more,
});
const policy = (definition: object) => ({
  vhost: "/",
  name: "few",
  pattern: "^few",
  "apply-to": "queues",
  priority: 0,
  definition,
});

test("a queue waits if its messages could expire or be refused in the target, and the others do not", () => {
  const target = definitionsOf({
    queues: [
      queue("plain", {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "amq.fanout",
        "x-max-priority": 5,
      }),
      queue("expiring", { "x-message-ttl": 1000 }),
      queue("unused", { "x-expires": 1000 }),
      queue("refusing", { "x-max-length": 10, "x-overflow": "reject-publish" }),
      queue("dropping", { "x-max-length": 10 }),
      queue("bytes", { "x-max-length-bytes": 10, "x-overflow": "reject-publish-dlx" }),
      queue("dead-lettering", { "x-max-length": 10, "x-dead-letter-exchange": "amq.fanout" }),
      queue("deleted", {}, { auto_delete: true }),
      queue("few", {}, { type: "quorum" }),
      queue("fewer"),
    ],
    policies: [policy({ "max-length": 10, overflow: "reject-publish" })],
    parameters: [
      {
        vhost: "/",
        component: "operator_policy",
        name: "fewer",
        value: { pattern: "^fewer$", "apply-to": "queues", priority: 0, definition: { "message-ttl": 10 } },
      },
    ],
  });
  assert.deepEqual(
    [...whyNotAhead(target)].map(([key, why]) => [(JSON.parse(key) as string[])[1], why]),
    [
      ["expiring", "its messages expire"],
      ["unused", "it is deleted when nobody uses it for a while"],
      ["refusing", "its length is limited"],
      ["bytes", "its length is limited"],
      ["dead-lettering", "its length is limited"],
      ["deleted", "it is deleted with its last consumer"],
      ["few", "its length is limited"],
      ["fewer", "its messages expire, its length is limited"],
    ],
  );
});

test("a queue that would be deleted before clients use it is made late, with its bindings", () => {
  const binding = (destination: string, type = "queue") => ({
    ...{
      vhost: "/",
      source: "amq.topic",
      destination,
      destination_type: type,
      routing_key: "",
      arguments: {},
    },
  });
  const target = definitionsOf({
    queues: [queue("plain"), queue("unused", { "x-expires": 1000 }), queue("few")],
    bindings: [binding("plain"), binding("unused"), binding("unused", "exchange"), binding("few")],
    policies: [policy({ expires: 60000 })],
  });
  const { queues, bindings, policies } = withoutExpiring(target);
  assert.deepEqual(
    queues.map(({ name }) => name),
    ["plain"],
  );
  assert.deepEqual(bindings, [binding("plain"), binding("unused", "exchange")]);
  assert.equal(policies.length, 1);
});
