/** Definitions are read only if they are whole, and named without a secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  categories,
  DefinitionsError,
  nameOf,
  parseDefinitions,
  summaryOf,
} from "../../../definitions/definitions.ts";
import { binding, definitionsOf, queue, user } from "./draft.ts";

const text = (changes: Readonly<Record<string, unknown>>): string => {
  const { version, ...lists } = definitionsOf({});
  return JSON.stringify({ rabbitmq_version: version, ...lists, ...changes });
};

test("a whole text is read, and summed up", () => {
  const found = parseDefinitions(text({ users: [user("app")], queues: [queue("a"), queue("b")] }));
  assert.equal(found.version, "3.10.8");
  assert.equal(summaryOf(found), "1 user, 1 virtual host, 2 queues");
  assert.equal(summaryOf({ ...found, users: [], vhosts: [], queues: [] }), "nothing");
});

test("a text that is cut, or lacks a list, a version or a name, is refused", () => {
  const whole = text({});
  for (const length of [0, 1, whole.length - 1])
    assert.throws(() => parseDefinitions(whole.slice(0, length)), /not one whole JSON document/);
  for (const category of categories)
    assert.throws(
      () => parseDefinitions(text({ [category]: undefined })),
      new RegExp(`lack the list ${category}`),
    );
  for (const [changes, words] of [
    [{ rabbitmq_version: undefined }, /lack rabbitmq_version/],
    [{ queues: {} }, /lack the list queues/],
    [{ users: [{ password_hash: "secret" }] }, /an object of the list users lacks its name/],
    [{ bindings: [{ ...binding("a", "b"), routing_key: null }] }, /of the list bindings/],
  ] as const)
    assert.throws(() => parseDefinitions(text(changes)), words);
  for (const other of ["null", "[]", "3"])
    assert.throws(() => parseDefinitions(other), DefinitionsError, other);
});

test("an object's name has nothing of its content", () => {
  assert.equal(nameOf({ category: "users", object: user("app") }), "app");
  assert.equal(nameOf({ category: "queues", object: queue("work", {}, "shop") }), "work in shop");
  const shovel = { vhost: "/", component: "shovel", name: "copy", value: { "src-uri": "amqp://u:secret@h" } };
  assert.equal(nameOf({ category: "parameters", object: shovel }), "shovel copy in /");
});
