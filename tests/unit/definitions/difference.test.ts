/** What definitions would make and change in a cluster. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Entry, nameOf } from "../../../definitions/exported-definitions.ts";
import { compareDefinitions, type Difference } from "../../../definitions/difference.ts";
import { adaptDefinitions } from "../../../definitions/series.ts";
import { binding, definitionsOf, exchange, permission, policy, queue, root, user, vhost } from "./draft.ts";

const own = { adminUser: "admin", policyName: "ha-all" };
const mirrors = { "ha-mode": "all", "ha-sync-mode": "automatic" };

const names = (entries: readonly Entry[]): string[] =>
  entries.map((entry) => `${entry.category} ${nameOf(entry)}`);
const reasons = ({ leftOut }: Difference): string[] =>
  leftOut.map((entry) => `${entry.category} ${nameOf(entry)}: ${entry.reason}`);

type Lists = Parameters<typeof definitionsOf>[0];
const compare = (wanted: Lists, present: Lists): Difference =>
  compareDefinitions(definitionsOf(wanted), definitionsOf(present), own);

test("what a new cluster lacks is made, in an order in which each object finds those that it needs", () => {
  const wanted = {
    vhosts: [root, vhost("shop")],
    users: [user("app")],
    permissions: [permission("app", "shop")],
    exchanges: [exchange("orders", "topic", "shop")],
    queues: [queue("bills", {}, "shop")],
    bindings: [binding("orders", "bills", "new.#", "shop"), binding("amq.topic", "bills", "x", "shop")],
  };
  const { made, changed, leftOut } = compare(wanted, {});
  assert.deepEqual(names(made), [
    "users app",
    "vhosts shop",
    "permissions app in shop",
    "exchanges orders in shop",
    "queues bills in shop",
    'bindings orders → bills ("new.#") in shop',
    'bindings amq.topic → bills ("x") in shop',
  ]);
  assert.deepEqual([changed, leftOut], [[], []]);
  const again = compare(wanted, wanted);
  assert.deepEqual([again.made, again.changed, again.equal.length], [[], [], 8]);
});

test("a user with another password is changed; what is in the cluster alone is untouched", () => {
  const { changed, untouched } = compare(
    { users: [user("app", "new")] },
    { users: [user("app", "old"), user("ops"), user("admin")], queues: [queue("work")] },
  );
  assert.deepEqual(names(changed), ["users app"]);
  assert.deepEqual(names(untouched), ["users ops", "queues work in /"]);
});

test("a queue or an exchange with other properties is named and stays", () => {
  const { conflicting, changed, made } = compare(
    { queues: [queue("work", { "x-max-length": 5 })], exchanges: [exchange("in", "topic")] },
    { queues: [queue("work")], exchanges: [exchange("in", "direct")] },
  );
  assert.deepEqual(names(conflicting), ["exchanges in in /", "queues work in /"]);
  assert.deepEqual([changed, made], [[], []]);
});

test("a queue's type matters only if it was declared with one", () => {
  const quorum = queue("work", { "x-queue-type": "quorum" });
  assert.equal(compare({ queues: [queue("work")] }, { queues: [quorum] }).equal.length, 2);
  assert.equal(compare({ queues: [quorum] }, { queues: [queue("work")] }).conflicting.length, 1);
});

test("the stack's administrator, its policy, its notes and the cluster's name are not taken from a file", () => {
  const lists = {
    users: [user("admin", "another"), user("guest")],
    permissions: [permission("admin", "/", "^$"), permission("guest", "/"), permission("admin", "shop")],
    vhosts: [root, vhost("shop")],
    policies: [policy("ha-all", { ...mirrors, "ha-mode": "nodes" })],
    global_parameters: [
      { name: "cluster_name", value: "other" },
      { name: "rabbitmq_ha_policies", value: [] },
      { name: "internal_cluster_id", value: "x" },
      { name: "mqtt_port_to_vhost_mapping", value: { 1883: "shop" } },
    ],
  };
  const difference = compare(lists, { users: [user("admin")], policies: [policy("ha-all", mirrors)] });
  assert.deepEqual(names(difference.made), [
    "vhosts shop",
    "permissions admin in shop",
    "global_parameters mqtt_port_to_vhost_mapping",
  ]);
  assert.deepEqual(difference.changed, []);
  assert.deepEqual(names(difference.leftOut.filter(({ reason }) => reason === "the stack sets its own")), [
    "users admin",
    "permissions admin in /",
    "global_parameters cluster_name",
    "global_parameters rabbitmq_ha_policies",
    "policies ha-all in /",
  ]);
  assert.deepEqual(names(difference.leftOut.filter(({ reason }) => reason.includes("guest"))), [
    "users guest",
    "permissions guest in /",
  ]);
});

test("what a migration had made for itself when a backup was made is not made again", () => {
  const name = "rabbitmq-ha-migration.work";
  const uris = { "src-uri": ["amqp://rabbitmq-ha-migration:secret@10.0.0.1"] };
  const users = ["rabbitmq-ha-migration", "rabbitmq-ha-migration-late"];
  const difference = compare(
    {
      users: users.map((each) => user(each)),
      permissions: users.map((each) => permission(each, "/")),
      exchanges: [exchange(name, "fanout")],
      queues: [queue("work")],
      parameters: [{ vhost: "/", component: "shovel", name, value: uris }],
      bindings: [binding(name, "work", "")],
    },
    {},
  );
  assert.deepEqual(names(difference.made), ["queues work in /"]);
  assert.deepEqual(
    difference.leftOut.map(({ category, reason }) => [category, reason]),
    ["users", "users", "permissions", "permissions", "exchanges", "parameters", "bindings"].map(
      (category) => [category, "a migration makes it for itself, and removes it"],
    ),
  );
});

test("a new virtual host gets the stack's policy at once where the file has the same one", () => {
  const lists = { vhosts: [root, vhost("shop")], policies: [policy("ha-all", mirrors, "shop")] };
  assert.deepEqual(names(compare(lists, { policies: [policy("ha-all", mirrors)] }).made), [
    "vhosts shop",
    "policies ha-all in shop",
  ]);
  const altered = policy("ha-all", { "ha-mode": "exactly" }, "shop");
  const kept = compare(lists, { vhosts: lists.vhosts, policies: [policy("ha-all", mirrors), altered] });
  assert.deepEqual([kept.made, kept.changed], [[], []]);
  const other = compare(lists, { policies: [policy("ha-all", { "ha-mode": "exactly" })] });
  assert.deepEqual(names(other.made), ["vhosts shop"]);
});

test("what cannot be made without something else is left out, with the reason", () => {
  const difference = compare(
    {
      permissions: [permission("gone", "/")],
      queues: [queue("amq.gen-1"), queue("work", {}, "nowhere")],
      bindings: [binding("in", "work"), binding("amq.topic", "amq.gen-1")],
    },
    {},
  );
  assert.deepEqual(reasons(difference), [
    "permissions gone in /: there is no user gone",
    "queues work in nowhere: there is no virtual host nowhere",
    'bindings in → work ("#") in /: there is no exchange in',
  ]);
  assert.deepEqual(difference.made, []);
});

test("the same object in another form is equal: tags as a text, an empty map as a list, sorted differently", () => {
  const one = { ...user("app"), tags: "monitoring,management", limits: [] };
  const other = { ...user("app"), tags: ["management", "monitoring"] };
  const args = queue("work", { "x-max-length": 5, "x-expires": 9 });
  const turned = { ...args, arguments: { "x-expires": 9, "x-max-length": 5 } };
  const { changed, conflicting, made } = compare(
    { users: [one], queues: [args], bindings: [{ ...binding("amq.topic", "work"), arguments: [] }] },
    { users: [other], queues: [turned], bindings: [binding("amq.topic", "work")] },
  );
  assert.deepEqual([changed, conflicting, made], [[], [], []]);
});

test("RabbitMQ 4 takes no mirroring keys: a policy loses them, one of nothing else is left out, by name", () => {
  const file = definitionsOf({
    policies: [policy("mirrors", mirrors), policy("short", { ...mirrors, "max-length": 10 })],
    parameters: [
      {
        vhost: "/",
        component: "operator_policy",
        name: "guard",
        value: { pattern: "^", definition: { "ha-mode": "all" } },
      },
      { vhost: "/", component: "shovel", name: "copy", value: { "src-uri": "amqp://" } },
    ],
    vhosts: [vhost("/", { default_queue_type: "classic" })],
  });
  const { definitions, leftOut, shortened } = adaptDefinitions(file, "4.3.6");
  assert.deepEqual(
    definitions.policies.map(({ name, definition }) => [name, definition]),
    [["short", { "max-length": 10 }]],
  );
  assert.deepEqual(
    definitions.parameters.map(({ name }) => name),
    ["copy"],
  );
  assert.deepEqual(definitions.vhosts[0]?.["metadata"], { description: "", tags: [] });
  assert.deepEqual(names(leftOut), ["policies mirrors in /", "parameters operator_policy guard in /"]);
  assert.deepEqual(names(shortened), ["policies short in /"]);
  assert.match(
    shortened[0]?.reason ?? "",
    /^RabbitMQ 4\.3 has no mirrored queues \(ha-mode, ha-sync-mode\)$/,
  );
  assert.equal(adaptDefinitions(file, "3.10.25").definitions, file);
  assert.equal(adaptDefinitions(file, "3.13.7").leftOut.length, 0);
});
