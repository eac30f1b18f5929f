/** The state of a cluster: taken whole or not at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stateQuestion } from "../../../migration/question.ts";
import { shortHostName } from "../../../hosts/node-name.ts";
import { depthsOf, parseState, StateError } from "../../../migration/state.ts";
import { held, stateOf } from "./sides.ts";
import { answerOf } from "./targets.ts";

test("brokers of 3.10.8 and 4.3.6 answer whole", () => {
  const [old, fresh] = ["3.10.8", "4.3.6"].map(answerOf);
  assert.deepEqual([old?.running.length, fresh?.running.length], [3, 3]);
  assert.deepEqual([old?.default_queue_type, fresh?.default_queue_type], ["classic", "quorum"]);
  assert.equal(old?.queues.length, depthsOf({ queues: old?.queues ?? [] }).size);
  assert.ok(fresh?.components.includes("shovel") && !old.components.includes("shovel"));
});

test("a part that is missing is named", () => {
  const { alarms: _, ...cut } = stateOf("o", "3.10.8");
  assert.throws(
    () => parseState(cut),
    (error) => error instanceof StateError && error.message.includes("alarms"),
  );
  assert.throws(() => parseState({ ...stateOf("o", "3.10.8"), running: [] }), /running/);
  assert.equal(parseState(stateOf("o", "3.10.8")).version, "3.10.8");
});

test("a queue that did not say all has no depth", () => {
  const queues = [held("a", 1, 2), { ...held("b", 1), bytes: null }];
  assert.deepEqual(
    [...depthsOf({ queues }).values()],
    [{ ready: 1, unacknowledged: 0, consumers: 1, bytes: 2 }],
  );
});

test("names go into the question as data", () => {
  const question = stateQuestion([{ host: '">>, x). halt', port: 5672 }]);
  assert.ok(!question.includes("halt") && !question.includes('">>, x'));
});

test("a node is called by its host", () => {
  assert.equal(shortHostName("rabbit@cent120.example.org"), "cent120");
});
