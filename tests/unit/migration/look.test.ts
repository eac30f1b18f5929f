/** What stands against a migration: versions, plug-ins, clocks, ways between the clusters, and what NEW has already. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Look, look, type LookArgs } from "../../../migration/look.ts";
import { lookJson, lookMessage } from "../../../migration/messages.ts";
import { StateError } from "../../../migration/state.ts";
import { definitionsOf, permission, policy, queue, user } from "../definitions/draft.ts";
import { held, sidesOf, stateOf } from "./sides.ts";

const blockers = ({ findings }: Look): string[] =>
  findings.filter(({ isBlocking }) => isBlocking).map(({ subjects, what }) => [...subjects, what].join(": "));
const against = (args: LookArgs): string[] => blockers(look(args));

test("between two whole clusters nothing stands", () => {
  const found = look(sidesOf());
  assert.deepEqual(blockers(found), []);
  assert.match(
    found.path,
    /^no rolling upgrade: from 3.10.8 to 4.0 the way is: first 3.11.* mirrored queues end with 3.13$/,
  );
  const [only] = found.plan.queues;
  assert.deepEqual([only?.name, only?.from, only?.to], ["work", "mirrored", "quorum"]);
  assert.deepEqual(only?.depth, { ready: 10, unacknowledged: 0, consumers: 1, bytes: 1000 });
  assert.deepEqual(found.estimate, { messages: 10, bytes: 1000, seconds: 1 });
});

test("NEW needs the shovel, in words that say how to get it", () => {
  const found = look(sidesOf({ freshState: { plugins: ["rabbitmq_management"] } }));
  assert.deepEqual(blockers(found), ["NEW has no plug-in rabbitmq_shovel"]);
  assert.match(lookMessage(found), /→ add it to rabbitmq.plugins of NEW and run up/);
});

test("a plug-in that OLD has and NEW lacks is named; those that others bring along are not", () => {
  const plugins = ["rabbitmq_mqtt", "rabbitmq_web_dispatch", "rabbitmq_amqp1_0", "cowboy"];
  assert.deepEqual(against(sidesOf({ oldState: { plugins } })), ["NEW has no plug-in rabbitmq_mqtt"]);
});

test("MQTT's retained messages are told of, and stand against nothing", () => {
  const has = { plugins: ["rabbitmq_shovel", "rabbitmq_mqtt"] };
  const found = look(sidesOf({ oldState: has, freshState: has }));
  assert.deepEqual(blockers(found), []);
  assert.match(lookMessage(found), /^cannot come along:\n {2}MQTT's retained messages stay in OLD$/m);
  assert.doesNotMatch(lookMessage(look(sidesOf())), /MQTT/);
});

test("an earlier series is refused", () => {
  const [found] = against(sidesOf({ freshState: { version: "3.9.1" } }));
  assert.match(found ?? "", /NEW has RabbitMQ 3.9.1, an earlier series/);
});

test("a broker that does not run, an alarm, a partition and mixed versions stand against it, on either side", () => {
  for (const side of ["oldState", "freshState"] as const) {
    const name = side === "oldState" ? "o" : "n";
    const version = side === "oldState" ? "3.10.8" : "4.0.5";
    const { members, nodes } = stateOf(name, version);
    const stack = side === "oldState" ? "old" : "new";
    const here = (change: object): string => against(sidesOf({ [side]: change })).join("\n");
    assert.match(
      here({ members: [...members, `rabbit@${name}4`] }),
      new RegExp(`stack ${stack}: ${name}4 does not run`),
    );
    assert.match(here({ alarms: ["disk on x"] }), new RegExp(`stack ${stack} has an alarm: disk on x`));
    assert.match(here({ partitions: ["rabbit@x"] }), new RegExp(`stack ${stack} is parted from x`));
    const mixed = nodes.map((node, index) => (index === 0 ? { ...node, version: "9.9.9" } : node));
    assert.match(here({ nodes: mixed }), new RegExp(`stack ${stack}: its brokers have different versions`));
    const silent = new RegExp(`^stack ${stack}: ${name}1 did not answer in time$`, "m");
    assert.match(here({ nodes: nodes.slice(1) }), silent);
    for (const part of ["version", "time_ms"] as const)
      assert.match(
        here({ nodes: nodes.map((node, index) => (index === 0 ? { ...node, [part]: null } : node)) }),
        silent,
      );
  }
});

test("clocks may differ by 5 s, and by what the question took", () => {
  const late = (ms: number): string[] => {
    const { nodes } = stateOf("n", "4.0.5");
    const shifted = nodes.map((node) => ({ ...node, time_ms: (node.time_ms ?? 0) + ms }));
    return against(sidesOf({ freshState: { nodes: shifted } }));
  };
  assert.deepEqual(late(5900), []);
  assert.match(late(8000)[0] ?? "", /^the clocks of n1 and o1 differ by 7 s or more$/);
  assert.match(late(-8000)[0] ?? "", /differ by 7 s or more$/);
});

test("larger messages than NEW takes are told of, with the setting that lets them in", () => {
  for (const [size, words] of [
    [
      16777216,
      /^messages of more than 16777216 bytes are refused by NEW, and OLD takes up to 134217728 bytes$/,
    ],
    [null, /^messages of more than an unknown size are refused/],
  ] as const) {
    const { findings } = look(sidesOf({ freshState: { max_message_size: size } }));
    const [found, ...others] = findings.filter(({ remedy }) =>
      remedy?.includes("max_message_size: 134217728"),
    );
    assert.ok(found !== undefined && others.length === 0 && !found.isBlocking);
    assert.match(found.what, words);
  }
});

test("each of NEW's brokers has to reach each of OLD's; no answer is no yes", () => {
  const { reached } = sidesOf().fresh.state;
  const refused = reached.map((way, index) => (index === 0 ? { ...way, failure: "econnrefused" } : way));
  assert.deepEqual(against(sidesOf({ freshState: { reached: refused } })), [
    "n1 of NEW does not reach 10.0.0.1:5672: econnrefused",
  ]);
  assert.deepEqual(against(sidesOf({ freshState: { reached: reached.slice(1) } })), [
    "NEW did not say of 1 of 6 ways whether it reaches OLD's brokers",
  ]);
});

test("what NEW has already and otherwise is named", () => {
  const there = (lists: Parameters<typeof definitionsOf>[0]): string[] =>
    against(
      sidesOf({
        old: {
          definitions: definitionsOf({
            users: [user("app")],
            queues: [queue("work")],
            policies: [policy("ttl", { "message-ttl": 5 })],
          }),
        },
        fresh: { definitions: definitionsOf(lists, "4.0.5") },
        freshState: { queues: [held("work", 0)] },
      }),
    );
  assert.deepEqual(there({ queues: [queue("work", { "x-queue-type": "classic" })] }), [
    "queue work in /: is in NEW with other properties",
  ]);
  assert.deepEqual(there({ queues: [queue("work", { "x-queue-type": "quorum" })] }), []);
  assert.deepEqual(there({ users: [user("app", "another")] }), ["user app: is otherwise in NEW"]);
  assert.deepEqual(there({ policies: [policy("ttl", { "message-ttl": 6 })] }), [
    "policy ttl in /: is otherwise in NEW",
  ]);
});

test("a queue that has messages in NEW stands against it", () => {
  assert.deepEqual(against(sidesOf({ freshState: { queues: [held("work", 1)] } })), [
    "queue work in /: has messages in NEW already",
  ]);
  assert.deepEqual(against(sidesOf({ freshState: { queues: [held("work", 0)] } })), []);
});

test("a queue that is in NEW and does not say what it holds there stands against it", () => {
  const definitions = definitionsOf({ queues: [queue("work", { "x-queue-type": "quorum" })] }, "4.0.5");
  const there = (...queues: ReturnType<typeof held>[]): string[] =>
    against(sidesOf({ fresh: { definitions, state: { ...sidesOf().fresh.state, queues } } }));
  const silent = ["queue work in /: is in NEW, and did not say whether it has messages there"];
  assert.deepEqual(there(held("work", 0)), []);
  assert.deepEqual(there(held("work", 1)), ["queue work in /: has messages in NEW already"]);
  assert.deepEqual(there({ ...held("work", 1), ready: null }), silent);
  assert.deepEqual(there({ ...held("work", 1), consumers: null }), silent);
  assert.deepEqual(there(), silent);
});

test("disk of which nothing is said is not room; OLD needs none", () => {
  for (const part of ["disk_free", "disk_limit"] as const) {
    const told = (name: string, version: string) =>
      stateOf(name, version).nodes.map((node, index) => (index === 0 ? { ...node, [part]: null } : node));
    assert.deepEqual(against(sidesOf({ freshState: { nodes: told("n", "4.0.5") } })), [
      "rabbit@n1 of NEW did not say how much disk is left",
    ]);
    assert.deepEqual(against(sidesOf({ oldState: { nodes: told("o", "3.10.8") } })), []);
  }
});

test("a broker that does not say who is connected to it stands against it", () => {
  assert.deepEqual(against(sidesOf({ oldState: { connections: null } })), [
    "a broker of OLD did not say who is connected to it",
  ]);
});

test("clients that no limit of OLD's keeps out stand against it", () => {
  const connections = ["admin", "someone-of-ldap"].map((user) => ({ user, count: 1 }));
  assert.deepEqual(against(sidesOf({ oldState: { connections } })), [
    "user someone-of-ldap: is connected to OLD, and is no user of its own",
  ]);
});

test("NEW's default for queues is not guessed", () => {
  assert.throws(
    () => look(sidesOf({ freshState: { default_queue_type: null } })),
    (error) => error instanceof StateError && error.message.includes("what a queue without a type becomes"),
  );
});

test("a user of OLD with the name of NEW's administrator stands against it", () => {
  const definitions = definitionsOf({
    users: [user("admin", "another"), user("root")],
    permissions: [permission("root", "/")],
  });
  const old = { definitions, own: { adminUser: "root", policyName: "ha-all" } };
  assert.deepEqual(against(sidesOf({ old, oldState: { queues: [] } })), [
    "user admin: has the name of NEW's administrator",
  ]);
});

test("clients that log in as an administrator with another password stand against it", () => {
  const connections = [{ user: "admin", count: 2 }];
  const connected = { oldState: { connections, queues: [held("work", 0)] } };
  assert.deepEqual(against(sidesOf(connected)), []);
  const found = against(sidesOf({ ...connected, hasSameAdmin: false }));
  assert.deepEqual(found, ["2 connections are of OLD's administrator admin, whom NEW does not let in"]);
});

test("a queue that does not say what it holds stands against it", () => {
  const silent = { ...held("work", 1), ready: null };
  for (const queues of [[], [silent]])
    assert.deepEqual(against(sidesOf({ oldState: { queues } })), [
      "queue work in /: did not say what it holds",
    ]);
});

test("NEW needs room for twice the messages", () => {
  const bytes = 6_000_000_000;
  const found = against(sidesOf({ oldState: { queues: [held("work", 10, bytes)] } }));
  assert.equal(found.length, 3);
  assert.match(found[0] ?? "", /of NEW has 9950 MB of disk left above its limit, and 12000 MB may be needed/);
});

test("an exclusive consumer and a global prefetch are told, and stand against nothing", () => {
  const found = look(
    sidesOf({ oldState: { global_prefetch: 3, queues: [{ ...held("work", 1), sole_consumer: true }] } }),
  );
  assert.deepEqual(blockers(found), []);
  const silent = look(sidesOf({ oldState: { global_prefetch: null, queues: [held("work", 1)] } }));
  assert.match(lookMessage(silent), /an unknown number of channels have a global prefetch/);
  const text = lookMessage(found);
  assert.match(text, /queue work in \/: an exclusive consumer is no longer the only one/);
  assert.match(text, /3 channels have a global prefetch/);
});

test("the report is short and complete", () => {
  const text = lookMessage(look(sidesOf()));
  assert.equal(
    text,
    `stack old, RabbitMQ 3.10.8 → stack new, RabbitMQ 4.0.5
  no rolling upgrade: from 3.10.8 to 4.0 the way is: first 3.11.18, then 3.12, then 3.13, then 4.0; mirrored queues end with 3.13

moves as it is:
  1 virtual host

becomes something else:
  queue work in /: a message that is returned more than 20 times is dropped
      quorum queues have a delivery limit from RabbitMQ 4.0 on
      → let consumers return no message without end; a policy with delivery-limit sets another limit, and -1 none
  queue work in /: mirrored queue → quorum queue
      RabbitMQ 4.0.5 has no mirrors

  queue      from      to      ready  unacknowledged  consumers   bytes
  work in /  mirrored  quorum     10               0          1  1.0 kB

about 1 s for 10 messages and 1.0 kB, at an assumed 1 500 messages and 20.0 MB a second;
what clients publish meanwhile comes on top

Nothing was done. Nothing stands against the migration.`,
  );
});

test("the report as JSON has no hash of a password", () => {
  const args = sidesOf({ old: { definitions: definitionsOf({ users: [user("app", "c2VjcmV0")] }) } });
  const text = lookJson(look(args));
  assert.ok(!text.includes("c2VjcmV0"));
  const found = JSON.parse(text) as { readonly moves: readonly string[]; readonly path: string };
  assert.deepEqual(found.moves, ["user app", "virtual host /"]);
});
