/** RabbitMQ's definitions: what is refused, what is left out of a file, and the lines that the brokers get. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseConfig } from "../../../config/config.ts";
import type { Definitions } from "../../../config/types.ts";
import { draft, faults, type Changes } from "./draft.ts";

const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-definitions-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const mirrors = { "ha-mode": "all", "ha-sync-mode": "automatic" };
const shop = {
  vhosts: [{ name: "shop" }],
  users: [{ name: "app", tags: "management" }],
  permissions: [{ user: "app", vhost: "shop", configure: "", write: ".*", read: ".*" }],
};

function read(definitions: unknown, changes: Changes = {}): Definitions {
  const { definitions: found } = parseConfig(draft({ definitions, ...changes }));
  assert.ok(found);
  return found;
}

function refuses(definitions: unknown, ...lines: readonly string[]): void {
  assert.deepEqual(faults(draft({ definitions })), lines);
}

function fileOf(content: unknown): string {
  const path = join(folder, "definitions.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("without definitions there are none", () => {
  assert.equal(parseConfig(draft()).definitions, undefined);
});

test("the lines come in the order in which the objects are made, with what was left out", () => {
  const { lines } = read({
    ...shop,
    queues: [
      { name: "b", vhost: "shop", arguments: [] },
      { vhost: "shop", name: "a", type: "quorum" },
    ],
    exchanges: [{ vhost: "shop", name: "x", type: "topic" }],
    bindings: [{ vhost: "shop", source: "x", destination: "a" }],
    policies: [{ vhost: "shop", name: "short", pattern: "^s", definition: { "max-length": 5, ...mirrors } }],
  });
  assert.deepEqual(lines, [
    'vhost {"metadata":{},"name":"shop"}',
    'user {"name":"app","tags":["management"]}',
    'permission {"configure":"","read":".*","user":"app","vhost":"shop","write":".*"}',
    'policy {"apply-to":"all","definition":{"ha-mode":"all","ha-sync-mode":"automatic","max-length":5},"name":"short","pattern":"^s","priority":0,"vhost":"shop"}',
    'exchange {"arguments":{},"auto_delete":false,"durable":true,"internal":false,"name":"x","type":"topic","vhost":"shop"}',
    'queue {"arguments":{"x-queue-type":"quorum"},"auto_delete":false,"durable":true,"name":"a","type":"quorum","vhost":"shop"}',
    'queue {"arguments":{},"auto_delete":false,"durable":true,"name":"b","vhost":"shop"}',
    'binding {"arguments":{},"destination":"a","destination_type":"queue","routing_key":"","source":"x","vhost":"shop"}',
  ]);
});

test("with quorum queues a queue without a type becomes one, unless its virtual host has another default", () => {
  const changes = { "rabbitmq.queues": "quorum" };
  const vhosts = [{ name: "old", metadata: { default_queue_type: "classic" } }];
  const queues = [
    { name: "a", vhost: "/" },
    { name: "b", vhost: "old" },
    { name: "c", vhost: "/", type: "classic" },
    { name: "d", vhost: "/", durable: false },
  ];
  const { lines } = read({ vhosts, queues }, changes);
  const types = lines
    .filter((line) => line.startsWith("queue"))
    .map((line) => /x-queue-type":"(\w+)/.exec(line)?.[1]);
  assert.deepEqual(types.sort(), ["classic", "quorum", undefined, undefined]);
  assert.equal(lines[0], 'vhost {"metadata":{"default_queue_type":"classic"},"name":"old"}');
});

test("a virtual host's limits become its parameter, once", () => {
  const vhosts = [
    { name: "shop", limits: { "max-queues": 5 } },
    { name: "none", limits: [] },
  ];
  const line =
    'parameter {"component":"vhost-limits","name":"limits","value":{"max-queues":5},"vhost":"shop"}';
  const parameters = [
    { vhost: "shop", component: "vhost-limits", name: "limits", value: { "max-queues": 5 } },
  ];
  for (const given of [{ vhosts }, { vhosts, parameters }])
    assert.deepEqual(
      read(given).lines.filter((each) => each.startsWith("parameter")),
      [line],
    );
});

test("lists of pairs, as exports of RabbitMQ 3 have them, are mappings", () => {
  const { lines } = read({
    vhosts: [{ name: "shop", limits: [["max-queues", 5]] }],
    global_parameters: [{ name: "team", value: [["a", [1, 2.5]]] }],
  });
  assert.deepEqual(lines.slice(1), [
    'parameter {"component":"vhost-limits","name":"limits","value":{"max-queues":5},"vhost":"shop"}',
    'global_parameter {"name":"team","value":{"a":[1,2.5]}}',
  ]);
});

test("hashes are not among the lines", () => {
  const { lines, users } = read({ users: [{ name: "app", password_hash: "c2FsdGhhc2g=", tags: [] }] });
  assert.deepEqual(lines, ['user {"name":"app","tags":[]}']);
  assert.deepEqual(users, [
    {
      name: "app",
      hash: { password_hash: "c2FsdGhhc2g=", hashing_algorithm: "rabbit_password_hashing_sha256" },
    },
  ]);
});

test("refuses unknown lists, unknown keys, and values of another kind", () => {
  refuses({ queue: [] }, "definitions.queue: unknown key; did you mean queues?");
  refuses({ queues: {} }, "definitions.queues: not a list; write its objects one below the other");
  refuses(
    { queues: [{ name: "a", vhost: "/", durabel: true }] },
    "definitions.queues[0].durabel: unknown key; did you mean durable?",
  );
  refuses(
    {
      vhosts: [{ name: "shop", metadata: { toString: 1 } }],
      users: [{ name: "a", tags: [], constructor: 1 }],
    },
    "definitions.vhosts[0].metadata = {…}: toString: unknown key; the keys here are description, tags, default_queue_type and protected_from_deletion",
    "definitions.users[0].constructor: unknown key; the keys here are name, password_hash, hashing_algorithm, tags and limits",
  );
  refuses(
    { queues: [{ name: "a", vhost: "/", durable: "yes" }] },
    'definitions.queues[0].durable = "yes": neither true nor false; write one of them, without quotes',
  );
  refuses({ exchanges: [{ name: "a", vhost: "/" }] }, "definitions.exchanges[0].type: missing; write a name");
  refuses({ queues: [{ vhost: "/", name: "" }] }, 'definitions.queues[0].name = "": empty; write a name');
  refuses(
    { vhosts: ["shop"] },
    "definitions.vhosts[0]: not a mapping; write it with its keys, as rabbitmqctl export_definitions prints it",
  );
  refuses({ remove: "x" }, 'definitions.remove = "x": not a list of texts; write one name a line');
});

test("refuses what refers to nothing, and what is there twice", () => {
  refuses(
    { permissions: [{ user: "app", vhost: "shop", configure: "", write: "", read: "" }] },
    'definitions.permissions[0].vhost = "shop": no virtual host of the definitions; add it to vhosts',
    'definitions.permissions[0].user = "app": no user of the definitions; add it to users',
  );
  // A virtual host with a fault is one all the same.
  refuses(
    { vhosts: [{ name: "shop", x: 1 }], queues: [{ name: "a", vhost: "shop" }] },
    "definitions.vhosts[0].x: unknown key; the keys here are name, metadata, limits, description, tags and default_queue_type",
  );
  const queue = { name: "a", vhost: "/" };
  refuses({ queues: [queue, queue] }, "definitions.queues[1]: a second queue a of /; remove one of them");
});

test("refuses passwords in the clear, and never shows them", () => {
  refuses(
    { users: [{ name: "app", tags: [], password: "open sesame" }] },
    "definitions.users[0].password: a password in the clear; remove it, and give it by npm run -s pulumi -- config set --secret --path userPasswords.NAME, or write its password_hash",
  );
  const value = { "src-uri": "amqp://app:open@host" };
  refuses(
    { parameters: [{ vhost: "/", component: "shovel", name: "s", value }] },
    "definitions.parameters[0].value: has a URL with a password, which the stack's file would show to everybody; remove this object here, and set it on a broker by rabbitmqctl: the stack leaves it as it is",
  );
});

test("refuses the administrator, another one that is not stated, and what is the stack's own", () => {
  refuses(
    { users: [{ name: "admin", tags: [] }] },
    "definitions.users[0]: user admin is the stack's administrator, who is no user of applications; remove it",
  );
  const users = [{ name: "ops", tags: ["administrator"] }];
  refuses(
    { users },
    "definitions.users[0].tags: administrator gives ops every virtual host; remove the tag, or state it by adding ops to definitions.administrators",
  );
  assert.equal(read({ users, administrators: ["ops"] }).lines.length, 1);
  refuses(
    { policies: [{ vhost: "/", name: "ha-all", pattern: "^", definition: mirrors }] },
    "definitions.policies[0]: policy ha-all of / is the stack's own policy, which rabbitmq.policy describes; remove it",
  );
});

test("refuses a policy that takes the stack's place, and accepts one that cannot", () => {
  const policy = { vhost: "/", name: "short", pattern: "^s", definition: { "max-length": 5 } };
  refuses(
    { policies: [policy] },
    `definitions.policies[0].definition: takes the place of the stack's policy ha-all on the queues that it matches, since a queue has one policy; add ha-mode: "all", ha-sync-mode: "automatic"`,
  );
  read({ policies: [{ ...policy, "apply-to": "exchanges" }] });
  read({ policies: [{ ...policy, priority: -1 }] });
  read({ policies: [{ ...policy, definition: { ...policy.definition, ...mirrors } }] });
});

test("refuses what the version of RabbitMQ lacks", () => {
  const policies = [
    { vhost: "/", name: "m", pattern: "^", definition: { ...mirrors, "delivery-limit": 20 } },
  ];
  assert.deepEqual(faults(draft({ os: "debian-13", definitions: { policies } })), [
    "definitions.policies[0].definition: has ha-mode, ha-sync-mode, and this RabbitMQ has no mirrored queues; remove these keys",
  ]);
  const vhosts = [{ name: "/", default_queue_type: "quorum" }];
  refuses(
    { vhosts },
    "definitions.vhosts[0].default_queue_type: that of / is classic, as rabbitmq.queues says; remove it, or change rabbitmq.queues",
  );
});

test("userPasswords are secret, and of users of the definitions that have no hash", () => {
  const raw = draft({ definitions: shop, userPasswords: { app: "secret of app" } });
  const encrypted = new Set(["rabbitmq-ha:userPasswords"]);
  assert.ok(parseConfig(raw, { encrypted }).definitions);
  assert.deepEqual(faults(raw), [
    "userPasswords: not encrypted; give each of its values by npm run -s pulumi -- config set --secret --path",
  ]);
  const other = draft({ definitions: shop, userPasswords: { ap: "secret of app" } });
  assert.deepEqual(faults(other, { encrypted }), [
    "userPasswords.ap: no user of the definitions; remove it, or add the user to definitions.users",
  ]);
  const users = [{ name: "app", tags: [], password_hash: "c2FsdGhhc2g=" }];
  assert.deepEqual(faults(draft({ definitions: { users }, userPasswords: { app: "x y" } }), { encrypted }), [
    "definitions.users[0].password_hash: there, and so is userPasswords.app; remove one of them",
  ]);
});

test("a file gives the same, and what is not the stack's to define is left out with a word", () => {
  const file = fileOf({
    rabbit_version: "3.10.8",
    ...shop,
    users: [...shop.users, { name: "admin", tags: ["administrator"], password_hash: "eHg=", limits: {} }],
    permissions: [
      ...shop.permissions,
      { user: "admin", vhost: "/", configure: ".*", write: ".*", read: ".*" },
    ],
    global_parameters: [
      { name: "cluster_name", value: "a" },
      { name: "internal_cluster_id", value: "b" },
    ],
    policies: [
      { vhost: "/", name: "ha-all", pattern: "^", definition: mirrors, priority: 0, "apply-to": "all" },
    ],
  });
  const found = read({ file });
  assert.deepEqual(found.lines, read(shop).lines);
  assert.deepEqual(
    found.leftOut.map((each) => each.split(":")[0]),
    [
      "user admin",
      "permission of admin on /",
      "global parameter cluster_name",
      "global parameter internal_cluster_id",
      "policy ha-all of /",
    ],
  );
});

test("refuses a file that cannot be read or is no JSON, and names the place of what is wrong in it", () => {
  refuses(
    { file: "nowhere.json" },
    'definitions.file = "nowhere.json": cannot be read (ENOENT); write the path of the file, from the project\'s folder',
  );
  const file = fileOf('{"users": open sesame');
  refuses(
    { file },
    `definitions.file = "${file}": not JSON with an object; write one as rabbitmqctl export_definitions writes it`,
  );
  fileOf({ queues: [{ name: "a" }] });
  refuses({ file }, `definitions.file = "${file}": queues[0].vhost: missing; write a name`);
  fileOf({});
  refuses({ file, vhosts: [] }, "definitions.vhosts: beside definitions.file; write it into that file");
});
