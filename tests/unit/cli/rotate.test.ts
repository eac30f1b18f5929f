/** The command `rotate`: what it writes into the stack's file, what it refuses, and what it waits for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { parseRotateOptions } from "../../../cli/rotate.ts";
import { withNextCookie } from "../../../cli/rotate/cookie.ts";
import { withClosing } from "../../../cli/rotate/closing.ts";
import {
  leavingUsers,
  refusalToFinish,
  startMessage,
  unendedMessages,
  withRemovable,
} from "../../../cli/rotate/finish.ts";
import { inPlaceMessages } from "../../../cli/rotate/in-place.ts";
import { planFinish, planStart, rotatedOf, type Rotated } from "../../../cli/rotate/plan.ts";
import { valueIn } from "../../../cli/stack-edit.ts";
import type { System } from "../../../verify/outputs.ts";
import { askWhole, connectedAs, staying, type ClusterUsers } from "../../../cli/rotate/users.ts";

const today = new Date("2026-11-27T12:00:00Z");
const file = `config:
  rabbitmq-ha:rabbitmq: { adminUser: ops }
  rabbitmq-ha:rotation: { ops: [ops-2, ops], orders: [orders-2] }
  rabbitmq-ha:definitions: { file: definitions.json }
`;
const orders: Rotated = { kind: "user", name: "orders", users: ["orders-2", "orders"] };

test("the words of the command", () => {
  assert.deepEqual(parseRotateOptions(["administrator"]), {
    subject: "administrator",
    finish: false,
    closeConnections: false,
    preview: false,
  });
  assert.equal(parseRotateOptions(["user", "orders", "--name", "o2"]).name, "o2");
  for (const [args, message] of [
    [[], /takes what to rotate: administrator, user NAME, cookie, or ssh-key/],
    [["cookies"], /takes what to rotate/],
    [["user"], /user takes one name/],
    [["administrator", "ops"], /administrator takes no name/],
    [["administrator", "--finish", "--name", "x"], /--name is for the beginning/],
    [["administrator", "--close-connections"], /write it beside --finish/],
    [["cookie", "--finish"], /cookie takes no --finish, only --stack NAME, --preview/],
    [["administrator", "--force"], /rotate: .*--force/],
  ] as const)
    assert.throws(() => parseRotateOptions(args), message);
});

test("the cookie gets the next number, once, and one of the user's own is left to the user", () => {
  const first = "config:\n  rabbitmq-ha:rabbitmq:\n    adminUser: ops\n";
  const second = `${first}    cookieRenewal: 2\n`;
  const applied = (cookieRenewal: number) => ({ expected: { cookieRenewal } as System["expected"] });
  assert.equal(withNextCookie(first, {}), second);
  assert.equal(withNextCookie(second, {}), second);
  assert.equal(withNextCookie(second, applied(2)), second.replace("2", "3"));
  const given = `${first}  rabbitmq-ha:erlangCookie:\n    secure: v1:abc\n`;
  assert.throws(() => withNextCookie(given, {}), /write rabbitmq.cookieRenewal: 2, and run up/);
});

test("a user is found by the name in the configuration, and by the one that is valid in its place", () => {
  assert.deepEqual(rotatedOf(file, undefined), {
    kind: "administrator",
    name: "ops",
    users: ["ops-2", "ops"],
  });
  assert.equal(rotatedOf(file, "orders").name, "orders");
  assert.equal(rotatedOf(file, "orders-2").name, "orders");
  assert.deepEqual(rotatedOf(file, "bills"), { kind: "user", name: "bills", users: undefined });
  assert.equal(rotatedOf("config: {}\n", undefined).name, "admin");
  // Every object has values of such names.
  for (const name of ["constructor", "toString"])
    assert.deepEqual(rotatedOf(file, name), { kind: "user", name, users: undefined });
});

test("what is no list of names is refused, not edited", () => {
  for (const value of ["orders-2", "{ orders-2: 1 }", "[1, orders]", "7"])
    assert.throws(
      () => rotatedOf(`config:\n  rotation: { orders: ${value} }\n`, "orders"),
      /^Error: nothing was changed: rotation\.orders is no list of texts; write one, such as \[orders-2/,
    );
  assert.equal(rotatedOf("config:\n  rotation: { orders: }\n", "orders").users, undefined);
  assert.throws(
    () => withRemovable("config:\n  definitions: { remove: user x }\n", ["orders"]),
    /definitions\.remove is no list of texts/,
  );
});

test("the new user is named by the quarter, once", () => {
  const plan = (users: readonly string[] | undefined, name?: string) =>
    planStart({ kind: "user", name: "orders", users }, name, today, "dev");
  assert.deepEqual(plan(undefined), { users: ["orders-2026q4", "orders"], isWritten: false });
  assert.deepEqual(plan(["orders-2026q4"]).users, ["orders-2026q4-2", "orders-2026q4"]);
  assert.deepEqual(plan(["o1"], "o2").users, ["o2", "o1"]);
  assert.throws(() => plan(["o1"], "o1"), /o1 is in use/);
});

test("a rotation that was killed goes on, and another one has to wait for its end", () => {
  assert.deepEqual(planStart(orders, undefined, today, "dev"), { users: orders.users, isWritten: true });
  assert.throws(
    () => planStart(orders, "orders-3", today, "prod"),
    /first end that: npm run rotate -- user orders --finish --stack prod$/,
  );
  assert.deepEqual(planFinish(orders, "dev"), { users: ["orders-2"], isWritten: false });
  assert.deepEqual(planFinish({ ...orders, users: ["orders-2"] }, "dev"), {
    users: ["orders-2"],
    isWritten: true,
  });
  assert.throws(
    () => planFinish({ kind: "administrator", name: "admin", users: undefined }, "dev"),
    /has begun/,
  );
});

const answer: ClusterUsers = {
  names: ["admin", "orders", "orders-2"],
  made: ["orders", "orders-2"],
  connections: [
    { user: "orders", peer_host: "10.0.0.5" },
    { user: "orders-2" },
    { user: "orders", peer_host: "10.0.0.5" },
  ],
};
const plan = { users: ["orders-2"], isWritten: false };
const end = { rotated: orders, plan, stack: "dev", leaving: ["orders"], answer, closeConnections: false };

test("the former user goes only when nobody is connected as it, or if that is said", () => {
  assert.equal(
    refusalToFinish(end),
    "orders has 2 connections, from 10.0.0.5; move these clients first, or close their connections: npm run rotate -- user orders --finish --close-connections",
  );
  assert.equal(refusalToFinish({ ...end, closeConnections: true }), undefined);
  assert.equal(refusalToFinish({ ...end, answer: { ...answer, connections: [] } }), undefined);
  assert.match(
    refusalToFinish({ ...end, answer: { ...answer, names: ["orders"] }, closeConnections: true }) ?? "",
    /no user orders-2 yet; first run: npm run up/,
  );
  assert.equal(connectedAs(["nobody"], answer.connections), undefined);
  const named = { user: "orders", peer_host: "10.0.0.5", user_provided_name: "shop" };
  assert.equal(connectedAs(["orders"], [named]), "orders has 1 connection, from 10.0.0.5 (shop)");
});

test("after a run that ended half-way, the one that stayed is found in the cluster", () => {
  const resumed = { users: ["orders-2"], isWritten: true };
  assert.deepEqual(leavingUsers({ ...orders, users: ["orders-2"] }, resumed, {}, answer), ["orders"]);
  const admin: Rotated = { kind: "administrator", name: "admin", users: ["admin-2"] };
  const administrators = ["admin-2", "admin", "admin-1"];
  const left = leavingUsers(admin, { users: ["admin-2"], isWritten: true }, { administrators }, answer);
  assert.deepEqual(left, ["admin"]);
});

/** Another user that was rotated before, and stays because somebody is connected as it. */
const withBills: ClusterUsers = {
  names: [...answer.names, "bills", "bills-2"],
  made: [...answer.made, "bills", "bills-2"],
  connections: [{ user: "bills", peer_host: "10.0.0.9" }],
};
const definitions = {
  lines: ['user {"name":"orders-2","tags":[]}', 'user {"name":"bills-2"}', 'permission {"user":"orders"}'],
  hashes: {},
};

test("the end of one user's rotation is no end of another's, and does not wait for it", () => {
  assert.deepEqual(staying(withBills, { definitions }), ["orders", "bills"]);
  const leaving = leavingUsers(orders, plan, {}, withBills);
  assert.deepEqual(leaving, ["orders"]);
  assert.equal(refusalToFinish({ ...end, leaving, answer: withBills }), undefined);
  assert.match(withRemovable(file, leaving), /remove: \[user orders\] \}/);
  const resumed = { users: ["orders-2"], isWritten: true };
  assert.deepEqual(leavingUsers({ ...orders, users: ["orders-2"] }, resumed, {}, withBills), ["orders"]);
  // Its former user may be any of those that are left of all rotations.
  const later = { ...orders, users: ["orders-3"] };
  const names = ["orders-3", "orders-2", "bills"];
  const messages = unendedMessages({
    ...end,
    rotated: later,
    plan: { users: ["orders-3"], isWritten: true },
    leaving: [],
    after: { ...withBills, names, made: names },
    system: { definitions: { lines: ['user {"name":"orders-3"}'], hashes: {} } },
  });
  assert.deepEqual(messages, [
    "orders-2, bills is no longer defined, and stays; if it was valid in the place of orders, move its clients and run this again, or, to have its connections closed, add user orders-2, user bills to definitions.remove and run: npm run up",
  ]);
});

test("a former user that stays is said with what can be done, and never as a success", () => {
  const messages = (after: Partial<ClusterUsers>, more: Partial<typeof end> = {}) =>
    unendedMessages({ ...end, after: { ...answer, ...after }, system: { definitions }, ...more });
  assert.deepEqual(messages({ names: ["admin", "orders-2"] }), []);
  assert.match(messages({})[0] ?? "", /^orders stays, for the reason that up gives; .* add user orders to/);
  // Not the stack's own, as on a cluster that was there before: it would never be deleted.
  assert.deepEqual(messages({ made: ["orders-2"] }), [
    "orders stays, with its password: the stack has not made it, and deletes only what it has made; delete it on a broker: rabbitmqctl delete_user orders",
  ]);
  const rotated: Rotated = { kind: "administrator", name: "admin", users: ["ops", "the admin"] };
  const admin = (names: readonly string[]) => messages({ names }, { rotated, leaving: ["the admin"] });
  assert.deepEqual(admin(["ops"]), []);
  assert.match(admin(["ops", "the admin"])[0] ?? "", /has not made it.*delete_user 'the admin'$/);
});

test("a user whose connections are closed is named among what may be removed, once", () => {
  const edited = withRemovable(file, ["orders"]);
  assert.match(edited, /definitions: \{ file: definitions.json, remove: \[user orders\] \}/);
  assert.equal(withRemovable(edited, ["orders"]), edited);
});

function api(answers: Readonly<Record<string, unknown>>) {
  return {
    get: <T>(path: string, shape: z.ZodType<T>): Promise<T> => {
      const found = Object.entries(answers).find(([start]) => path.startsWith(start))?.[1];
      return found === undefined
        ? Promise.reject(new Error("no answer in time"))
        : Promise.resolve(shape.parse(found));
    },
  };
}
const whole = {
  "/api/users": [{ name: "admin" }, { name: "orders" }],
  "/api/connections": [{ user: "orders", peer_host: "10.0.0.5" }, {}],
  "/api/global-parameters": { value: ['["user","orders"]', '["user","gone"]', '["queue","/","a"]'] },
  "/api/nodes": ["a", "b"].map((name) => ({ name: `rabbit@${name}`, running: true })),
};

test("a client that has just connected is known too, although the brokers list it seconds later", async () => {
  const answers: Record<string, unknown> = { ...whole, "/api/connections": [] };
  const { connections } = await askWhole(api(answers), ["a", "b"], () => {
    answers["/api/connections"] = whole["/api/connections"];
    return Promise.resolve();
  });
  assert.equal(connectedAs(["orders"], connections) === undefined, false);
});

test("who is connected is known only if every broker is part of the answer", async () => {
  const { names, made, connections } = await askWhole(api(whole), ["a", "b"]);
  assert.deepEqual([names, made, connections.length], [["admin", "orders"], ["orders"], 2]);
  await assert.rejects(askWhole(api(whole), ["a", "b", "c"]), /nothing was changed: c does not run/);
  const stopped = { ...whole, "/api/nodes": [{ name: "rabbit@a", running: false }] };
  await assert.rejects(askWhole(api(stopped), ["a"]), /a does not run/);
  for (const path of Object.keys(whole)) {
    const part = Object.fromEntries(Object.entries(whole).filter(([each]) => each !== path));
    await assert.rejects(askWhole(api(part), ["a"]), /no answer/, path);
  }
});

test("what to do next is said with the command", () => {
  const text = startMessage("prod", orders, { users: ["orders-2", "orders"], isWritten: true });
  assert.match(text, /stack output userPasswords --show-secrets --stack prod/);
  assert.match(text, /npm run rotate -- user orders --finish --stack prod$/);
});

test("a change in place is said before it is done, without a password", () => {
  const before = { administrators: ["admin"], adminPassword: "one", userPasswords: { a: "1", b: "2" } };
  const messages = (after: Partial<typeof before>) => inPlaceMessages(before, { ...before, ...after }, "dev");
  assert.deepEqual(messages({}), []);
  assert.deepEqual(messages({ adminPassword: "two" }), [
    "adminPassword is another one: up refuses admin with the former one; for both to be valid, take the change back and run npm run rotate -- administrator",
  ]);
  assert.match(messages({ administrators: ["ops"] })[0] ?? "", /^up deletes the administrator admin /);
  assert.match(
    messages({ userPasswords: { a: "1", b: "3" } })[0] ?? "",
    /^userPasswords.b .*rotate -- user b$/,
  );
  const named = { ...before, userPasswords: { constructor: "1" } };
  assert.deepEqual(inPlaceMessages(before, named, "dev"), []);
  // Both of a rotation, and its end.
  assert.deepEqual(messages({ administrators: ["admin-2", "admin"], adminPassword: "two" }), []);
  const ended = { administrators: ["admin-2"] };
  const both = { administrators: ["admin-2", "admin"] };
  assert.deepEqual(inPlaceMessages(both, ended, "dev"), [
    "up deletes the administrator admin once nobody is connected as it",
  ]);
  assert.deepEqual(inPlaceMessages(both, { ...ended, closeConnections: ["admin"] }, "dev"), [
    "up deletes the administrator admin and closes its connections",
  ]);
});

test("the end of a rotation that closes connections names whose, where the run that deletes reads it", () => {
  const admin: Rotated = { kind: "administrator", name: "ops", users: ["ops-2"] };
  const once = withClosing(file, admin, ["ops"]);
  assert.deepEqual(valueIn(once, ["closeConnections"]), ["ops"]);
  assert.equal(once, `${file}  rabbitmq-ha:closeConnections: [ops]\n`);
  assert.equal(withClosing(once, admin, ["ops"]), once);
  assert.deepEqual(valueIn(withClosing(once, admin, ["boss"]), ["closeConnections"]), ["ops", "boss"]);
  const user = withClosing(file, orders, ["orders"]);
  assert.equal(valueIn(user, ["closeConnections"]), undefined);
  assert.deepEqual(valueIn(user, ["definitions", "remove"]), ["user orders"]);
});
