/** Virtual hosts, users, permissions, policies and queues as configuration of the stack. */
import assert from "node:assert/strict";
import { test } from "node:test";
import amqp from "amqplib";
import { tail } from "../../testbed/stacks/running-up.ts";
import { DefinitionsLab, everything } from "../support/definitions-lab.ts";

const defined = new DefinitionsLab({ name: "d", net: 83 });
const { lab, hasMirrors, replicated } = defined;
const settings = defined.settings.bind(defined);
const ctl = defined.ctl.bind(defined);

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
