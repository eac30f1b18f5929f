/** Definitions are read only if they are whole, and named without a secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  categories,
  DefinitionsError,
  hasFence,
  nameOf,
  parseDefinitions,
  summaryOf,
} from "../../../definitions/exported-definitions.ts";
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

test("users that a migration keeps out are read with their own limits, or not at all", () => {
  const limited = (name: string, limits: object) => ({ ...user(name), limits });
  const users = [
    limited("app", { "max-connections": 0 }),
    limited("few", { "max-connections": 0, "max-channels": 9 }),
    limited("off", { "max-connections": 0 }),
    // Not kept out, and made since.
    limited("changed", { "max-connections": 4 }),
    limited("later", { "max-connections": 0 }),
    user("open"),
  ];
  const fenced = (value: unknown) =>
    text({ users, global_parameters: [{ name: "rabbitmq_ha_fence", value }] });
  const noted = { app: -1, few: 7, off: 0, changed: 3, gone: 5, open: -1 };
  const found = parseDefinitions(fenced(JSON.stringify(noted)));
  assert.deepEqual(
    found.users.map(({ limits }) => limits),
    [
      {},
      { "max-connections": 7, "max-channels": 9 },
      { "max-connections": 0 },
      { "max-connections": 4 },
      { "max-connections": 0 },
      {},
    ],
  );
  assert.equal(hasFence(found), true);
  assert.equal(hasFence(parseDefinitions(text({ users }))), false);
  for (const value of [undefined, null, "", '{"app":', "[]", '{"app":null}'])
    assert.throws(
      () => parseDefinitions(fenced(value)),
      /rabbitmq_ha_fence does not say the users' own limits/,
    );
});

test("an object's name has nothing of its content", () => {
  assert.equal(nameOf({ category: "users", object: user("app") }), "app");
  assert.equal(nameOf({ category: "queues", object: queue("work", {}, "shop") }), "work in shop");
  const shovel = { vhost: "/", component: "shovel", name: "copy", value: { "src-uri": "amqp://u:secret@h" } };
  assert.equal(nameOf({ category: "parameters", object: shovel }), "shovel copy in /");
});
