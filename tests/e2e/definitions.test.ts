/** Virtual hosts, users, permissions, policies and queues as configuration of the stack. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import amqp from "amqplib";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { useStack } from "../support/trial.ts";

const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-definitions-"));
const lab = useStack(new LabStack({ name: "d", net: 83 }), {
  release: () => rm(folder, { recursive: true }),
});
const [first = ""] = lab.brokers;

const hasMirrors = lab.release.version.startsWith("3.");
/** What the stack's own policy gives to queues, which another policy in its place has to give too. */
const replicated = hasMirrors ? { "ha-mode": "all", "ha-sync-mode": "automatic" } : { "delivery-limit": 20 };
const everything = { configure: ".*", write: ".*", read: ".*" };
const shop = {
  vhosts: [{ name: "shop" }, { name: "cellar", metadata: { description: "beer", tags: ["cold"] } }],
  users: [
    { name: "app", tags: [] },
    {
      name: "other",
      tags: ["management"],
      password_hash: "3pYvnFbZ1UBJKGJ3iIrsC0cLk1CR4qYmXcTuHR/v2U+RyzYn",
    },
  ],
  permissions: [
    { user: "app", vhost: "shop", ...everything },
    { user: "other", vhost: "cellar", ...everything },
  ],
  policies: [
    {
      vhost: "shop",
      name: "short",
      pattern: "^s",
      priority: 1,
      definition: { "max-length": 5, ...replicated },
    },
  ],
  exchanges: [{ vhost: "shop", name: "events", type: "topic" }],
  queues: [
    { vhost: "shop", name: "orders" },
    { vhost: "shop", name: "bills", type: "quorum" },
    { vhost: "shop", name: "old" },
  ],
  bindings: [
    { vhost: "shop", source: "events", destination: "orders", routing_key: "order.#" },
    { vhost: "shop", source: "events", destination: "old", routing_key: "old" },
  ],
};

/** The lines of the stack's file for these definitions, which are a file beside. */
async function settings(definitions: object, name = "definitions"): Promise<string> {
  const path = join(folder, `${name}.json`);
  await writeFile(path, JSON.stringify(definitions));
  return `  rabbitmq-ha:definitions: ${JSON.stringify({ file: path })}`;
}

const ctl = (words: string): Promise<string> => lab.runOn(first, `rabbitmqctl -q ${words} </dev/null`);

async function connectAs(user: string, password: string, vhost: string): Promise<amqp.ChannelModel> {
  return amqp.connect(`amqp://${user}:${password}@${lab.virtualAddress}:5672/${encodeURIComponent(vhost)}`);
}

async function appPassword(): Promise<string> {
  return ((await lab.output("userPasswords")) as Record<string, string>)["app"] ?? "";
}

/** Runs `up`, and says what its step on the definitions printed, and how long it took. */
async function up(...words: string[]): Promise<string> {
  return lab.runOrThrow("up", ...words);
}

test("up makes what is defined, and an application's user can use its virtual host alone", async () => {
  await lab.ensureUp(await settings(shop));
  const password = await appPassword();
  assert.match(password, /^\w{24}$/);
  const connection = await connectAs("app", password, "shop");
  const channel = await connection.createChannel();
  channel.publish("events", "order.new", Buffer.from("1"));
  await channel.checkQueue("bills");
  await connection.close();
  for (const vhost of ["/", "cellar"])
    await assert.rejects(connectAs("app", password, vhost), /ConnectionClose|403|refused/);
  await assert.rejects(connectAs("app", "wrong", "shop"), /ConnectionClose|403|refused/);
  assert.match(
    await ctl("list_queues -p shop name policy type"),
    hasMirrors ? /^orders\tha-all\tclassic$/m : /^orders\t\S+\tquorum$/m,
  );
});

test("a second up changes nothing, and the definitions' steps write nothing", async () => {
  await lab.ensureUp();
  assert.match(await up("--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("a preview of a changed policy shows that line alone", async () => {
  await lab.ensureUp();
  const [policy] = shop.policies;
  await settings({ ...shop, policies: [{ ...policy, priority: 2 }] });
  const { output } = await lab.npm("preview", "--diff");
  await settings(shop);
  assert.match(output, /^\s*- policy .*"priority":1/m, tail(output));
  assert.match(output, /^\s*\+ policy .*"priority":2/m);
  assert.match(output, /1 to (update|replace)/);
});

test("verify names what somebody has changed by hand, and up --repair mends it", async () => {
  await lab.ensureUp();
  await ctl("delete_queue -p shop bills");
  await ctl("clear_policy -p shop short");
  await ctl("clear_permissions -p shop app");
  await ctl("change_password app hacked");
  await ctl("set_user_tags other administrator");
  await ctl("set_permissions -p shop other .* .* .*");
  const { code, output } = await lab.npm("verify");
  assert.notEqual(code, 0);
  for (const title of [
    "queue bills of shop",
    "policy short of shop",
    "permission of app on shop",
    "password of app",
  ])
    assert.ok(output.includes(title), `${title}\n${tail(output)}`);
  assert.match(output, /user other/);
  const repaired = await up("--repair");
  assert.match(repaired, /stack test-d is healthy/, tail(repaired));
  await (await connectAs("app", await appPassword(), "shop")).close();
  // What is not defined stays.
  assert.match(await ctl("list_permissions -p shop"), /^other\t/m);
  await ctl("clear_permissions -p shop other");
});

test("what is no longer defined goes if nobody uses it, and a queue with messages stays", async () => {
  await lab.ensureUp();
  const connection = await lab.connect();
  await connection.close();
  const app = await connectAs("app", await appPassword(), "shop");
  const channel = await app.createConfirmChannel();
  channel.sendToQueue("old", Buffer.from("precious"), { persistent: true });
  await channel.waitForConfirms();
  await app.close();
  await ctl(
    'eval \'rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"theirs">>), true, false, [], none, <<"x">>).\'',
  );
  const less = { ...shop, queues: [shop.queues[0]], bindings: [shop.bindings[0]], policies: [] };
  await settings(less);
  const output = await up();
  assert.match(
    output,
    /no longer defined, and stays: queue old of shop \(messages: 1, consumers: 0\)/,
    tail(output),
  );
  assert.match(await ctl("list_queues -p shop name messages"), /^old\t1$/m);
  assert.doesNotMatch(await ctl("list_queues -p shop name"), /bills/);
  assert.doesNotMatch(await ctl("list_policies -p shop"), /short/);
  assert.match(await ctl("list_queues name"), /^theirs$/m);
  assert.match(await ctl("list_bindings -p shop source_name destination_name"), /^events\told$/m);
});

test("an existing queue with other arguments is refused in words, and nothing is changed", async () => {
  await lab.ensureUp();
  const queues = [
    { vhost: "shop", name: "orders", arguments: { "x-max-length": 5 } },
    { vhost: "shop", name: "new" },
  ];
  await settings({ ...shop, queues });
  const { code, output } = await lab.npm("up");
  await settings(shop);
  lab.markStateUnknown();
  assert.notEqual(code, 0);
  assert.match(
    output,
    /queue orders of shop: it has arguments \{\}, and shall have arguments \{'x-max-length': 5\}/,
  );
  assert.doesNotMatch(await ctl("list_queues -p shop name"), /^new$/m);
});

test("a thousand objects of every kind are made, and go in again as the broker exports them", async (context) => {
  await lab.ensureUp(await settings(shop));
  const named = (count: number, prefix: string): string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);
  const vhosts = named(10, "branch");
  /** One of the new virtual hosts by turns. */
  const vhostOf = (index: number): string => vhosts[index % vhosts.length] ?? "";
  const [users, exchanges, queues] = [named(100, "u"), named(50, "x"), named(300, "q")];
  const many = {
    vhosts: vhosts.map((name) => ({ name })),
    users: users.map((name) => ({ name, tags: [], password_hash: "" })),
    permissions: users.map((user, index) => ({ user, vhost: vhostOf(index), ...everything })),
    topic_permissions: users.slice(0, 40).map((user, index) => ({
      user,
      vhost: vhostOf(index),
      exchange: "amq.topic",
      write: ".*",
      read: ".*",
    })),
    policies: named(40, "p").map((name, index) => ({
      vhost: vhostOf(index),
      name,
      pattern: `^${name}$`,
      definition: { "max-length": 5, ...replicated },
    })),
    parameters: vhosts.map((vhost) => ({
      vhost,
      component: "operator_policy",
      name: "most",
      value: { pattern: "^", definition: { "max-length": 10000 }, priority: 0, "apply-to": "queues" },
    })),
    exchanges: exchanges.map((name, index) => ({ vhost: vhostOf(index), name, type: "topic" })),
    queues: queues.map((name, index) => ({ vhost: vhostOf(index), name })),
    bindings: named(350, "k").map((key, index) => ({
      vhost: vhostOf(index),
      source: exchanges[index % exchanges.length],
      destination: queues[index % queues.length],
      routing_key: key,
    })),
  };
  assert.equal(Object.values(many).flat().length, 1000);
  await settings({
    ...many,
    vhosts: [...shop.vhosts, ...many.vhosts],
    users: [...shop.users, ...many.users],
    permissions: [...shop.permissions, ...many.permissions],
    policies: [...shop.policies, ...many.policies],
    exchanges: [...shop.exchanges, ...many.exchanges],
    queues: [...shop.queues, ...many.queues],
    bindings: [...shop.bindings, ...many.bindings],
  });
  const made = await up();
  assert.match(made, /made 100, changed 0, of 102 users/, tail(made));
  assert.match(made, /made 900: /, tail(made));
  // The supervisor of the import's pool: 16 workers, and the pool itself.
  const workers = await ctl(
    "eval 'proplists:get_value(workers, supervisor:count_children(definition_import_pool_sup)).'",
  );
  assert.ok(Number(workers) >= 17, workers);
  const seconds = (name: string, text: string): string =>
    new RegExp(`definitions-${name} (?:created|updated) \\((\\d+(?:\\.\\d+)?)s\\)`).exec(text)?.[1] ?? "?";
  context.diagnostic(`users ${seconds("users", made)} s, the rest ${seconds("set", made)} s`);
  const exported = await lab.runOn(first, "rabbitmqctl -q export_definitions - </dev/null");
  // The passwords of the stack's own users are hashes now.
  await lab.configure(await settings(JSON.parse(exported) as object, "exported"));
  const again = await up();
  context.diagnostic(`again: users ${seconds("users", again)} s, the rest ${seconds("set", again)} s`);
  assert.match(again, /made 0, changed 0, of 102 users/, tail(again));
  assert.doesNotMatch(again, /^\s*(made|changed|removed) \d+:/m);
});
