/** Rotation of users: what is refused, and who is valid in whose place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { draft, refuses, type Changes } from "./draft.ts";

const definitions = {
  vhosts: [{ name: "shop" }],
  users: [
    { name: "orders", tags: "management", limits: { "max-channels": 9 }, password_hash: "c2FsdGhhc2g=" },
    { name: "bills", tags: [] },
  ],
  permissions: [{ user: "orders", vhost: "shop", configure: "", write: ".*", read: ".*" }],
  topic_permissions: [{ user: "orders", vhost: "shop", exchange: "x", write: ".*", read: ".*" }],
};
const noSuchUser =
  "neither rabbitmq.adminUser nor a user of the definitions; write the name of one of them, or remove the key";

function read(changes: Changes) {
  return parseConfig(draft(changes));
}

test("without rotation there is one administrator, and after it another one", () => {
  assert.deepEqual(read({}).administrators, ["admin"]);
  assert.deepEqual(read({ "rotation.admin": ["admin-2", "admin"] }).administrators, ["admin-2", "admin"]);
  assert.deepEqual(read({ "rotation.admin": ["admin-2"] }).administrators, ["admin-2"]);
});

test("a user's successor has the same tags, limits and permissions, and another password", () => {
  const { definitions: both } = read({ definitions, "rotation.orders": ["orders-2", "orders"] });
  const own = both?.lines.filter((line) => line.includes('"orders"')) ?? [];
  assert.equal(own.length, 3);
  for (const line of own) assert.ok(both?.lines.includes(line.replace('"orders"', '"orders-2"')), line);
  const { definitions: alone } = read({ definitions });
  assert.equal(both?.lines.length, (alone?.lines.length ?? 0) + 3);
  assert.deepEqual(
    both.users.map(({ name, hash }) => [name, hash?.password_hash]),
    [
      ["orders-2", undefined],
      ["orders", "c2FsdGhhc2g="],
      ["bills", undefined],
    ],
  );
});

test("a name that every object has is one as any other", () => {
  const users = [{ name: "constructor", tags: [] }];
  const { definitions: plain } = read({ definitions: { users } });
  assert.deepEqual(
    plain?.users.map(({ name }) => name),
    ["constructor"],
  );
  assert.deepEqual(read({ "rabbitmq.adminUser": "toString" }).administrators, ["toString"]);
});

test("at the end only the successor is defined", () => {
  const { definitions: after } = read({ definitions, "rotation.orders": ["orders-2"] });
  assert.deepEqual(
    after?.lines.filter((line) => line.includes('"orders"')),
    [],
  );
  assert.deepEqual(
    after.users.map(({ name }) => name),
    ["orders-2", "bills"],
  );
});

test("former administrators whose connections may be closed are names, and none of a valid one", () => {
  assert.equal(read({}).closeConnections, undefined);
  const ended = { "rotation.admin": ["admin-2"] };
  assert.deepEqual(read({ ...ended, closeConnections: ["admin"] }).closeConnections, ["admin"]);
  refuses({ ...ended, closeConnections: ["admin", "admin-2"] }, [
    'closeConnections[1] = "admin-2": an administrator; write a former one, or remove it',
  ]);
  refuses({ closeConnections: ["admin"] }, [
    'closeConnections[0] = "admin": an administrator; write a former one, or remove it',
  ]);
  refuses({ closeConnections: "admin" }, [
    'closeConnections = "admin": not a list; write the former administrators whose connections up may close, such as [admin]',
  ]);
});

test("the secret of a successor is one of userPasswords, also without definitions", () => {
  const secret = { encrypted: new Set(["rabbitmq-ha:userPasswords"]) };
  const admin = { userPasswords: { "admin-2": "x" }, "rotation.admin": ["admin-2", "admin"] };
  assert.equal(parseConfig(draft(admin), secret).definitions, undefined);
  const orders = {
    userPasswords: { "orders-2": "x" },
    definitions,
    "rotation.orders": ["orders-2", "orders"],
  };
  assert.ok(parseConfig(draft(orders), secret).definitions);
});

test("refuses the rotation of nobody, with the definitions and without", () => {
  refuses({ "rotation.order": ["order-2"] }, [`rotation.order = ["order-2"]: ${noSuchUser}`]);
  refuses({ definitions, "rotation.order": ["order-2"] }, [`rotation.order = ["order-2"]: ${noSuchUser}`]);
});

test("refuses what names nobody, somebody twice, somebody else or no user's name", () => {
  refuses({ "rotation.admin": [] }, [
    "rotation.admin = []: names nobody; write the users that are valid in its place, the newest first, such as [orders-2, orders], or remove the key",
  ]);
  refuses({ "rotation.admin": ["a", "a"] }, [
    'rotation.admin = ["a","a"]: has a, and so has admin; write each user once',
  ]);
  refuses({ definitions, rotation: { admin: ["x"], orders: ["x"] } }, [
    'rotation.orders = ["x"]: has x, and so has admin; write each user once',
  ]);
  refuses({ definitions, "rotation.orders": ["bills"] }, [
    'rotation.orders = ["bills"]: has bills, a user of the definitions itself; write another name, or remove this key or that user',
  ]);
  refuses({ definitions, "rotation.orders": ["admin"] }, [
    'rotation.orders = ["admin"]: has the administrator admin; write another name',
  ]);
  refuses({ "rotation.admin": ["guest"] }, [
    'rotation.admin = ["guest"]: has "guest": RabbitMQ\'s own user, whose password is public; write another, such as admin',
  ]);
  refuses({ "rotation.admin": "admin-2" }, [
    'rotation.admin = "admin-2": not a list; write the users that are valid in its place, the newest first, such as [orders-2, orders]',
  ]);
});

test("a user of the definitions cannot have the name of an administrator to be", () => {
  refuses(
    { definitions: { users: [{ name: "admin-2", tags: [] }] }, "rotation.admin": ["admin-2", "admin"] },
    [
      "definitions.users[0]: user admin-2 is the stack's administrator, who is no user of applications; remove it",
    ],
  );
});
