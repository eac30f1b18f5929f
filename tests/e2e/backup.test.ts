/** A backup of everything that was made by hand, and the way back: destroy, up, restore. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "bk", net: 84 }));
const [first = "", second = "", third = ""] = lab.brokers;

const password = "app-password-1";
const tool = "/usr/lib/rabbitmq/bin/rabbitmqctl";

const ctl = (words: string, broker = first): Promise<string> =>
  // Without the locale newer versions of Erlang print other letters than ASCII in a form of their own.
  lab.runOn(broker, `LC_ALL=C.UTF-8 rabbitmqctl -q ${words} </dev/null`);

async function connectAsApp(): ReturnType<typeof lab.connect> {
  const uri = new URL(String(await lab.output("amqpUri")));
  return lab.connect(`amqp://app:${password}@${uri.host}/shop`);
}

let isFilled = false;

// A failed test may have left other objects than it found.
afterEach((context) => {
  if ("passed" in context && !context.passed) isFilled = false;
});

/** Makes objects of every kind by hand, as operators and applications do, in the place of what a failed test has left. */
async function fill(): Promise<void> {
  await lab.ensureUp("");
  if (isFilled) return;
  await lab.runOn(
    first,
    `set -e; {
     rabbitmqctl -q delete_vhost shop || true
     for user in app later; do rabbitmqctl -q delete_user $user || true; done
     rabbitmqctl -q add_vhost shop --description 'the shop'
     rabbitmqctl -q add_user app ${password}
     rabbitmqctl -q set_user_tags app monitoring
     rabbitmqctl -q set_permissions -p shop app '.*' '.*' '.*'
     rabbitmqctl -q set_user_limits app '{"max-channels": 50}'
     rabbitmqctl -q set_vhost_limits -p shop '{"max-queues": 50}'
     rabbitmqctl -q set_policy -p shop short '^tmp' '{"max-length": 10}' --priority 2 --apply-to queues
     rabbitmqctl -q set_operator_policy -p shop guard '.*' '{"max-length": 1000}' --apply-to queues
     } </dev/null`,
  );
  const connection = await connectAsApp();
  const channel = await connection.createChannel();
  await channel.assertExchange("orders", "topic");
  await channel.assertExchange("inside", "fanout", { internal: true });
  await channel.assertExchange("by-header", "headers", { alternateExchange: "orders" });
  await channel.assertQueue("bills", { arguments: { "x-queue-type": "quorum" } });
  await channel.assertQueue("log", { arguments: { "x-queue-type": "stream" } });
  await channel.assertQueue("Grüße €", { maxLength: 5, deadLetterExchange: "orders" });
  await channel.bindQueue("bills", "orders", "new.#");
  await channel.bindQueue("log", "by-header", "", { "x-match": "all", tries: 3 });
  await channel.bindQueue("Grüße €", "amq.topic", "a.*");
  await channel.bindExchange("inside", "orders", "#");
  await connection.close();
  // RabbitMQ 4.3 wants the exchange to exist.
  await ctl("set_topic_permissions -p shop app orders '^new' '.*'");
  isFilled = true;
}

/** RabbitMQ 3.10 exports what a command has set, and what an import has set, in two ways: pairs, or a mapping. */
function inOneForm(value: unknown): unknown {
  if (!Array.isArray(value)) {
    if (typeof value !== "object" || value === null) return value;
    const tags = "tags" in value && value.tags === "" ? { tags: [] } : {};
    return Object.fromEntries(
      Object.entries({ ...value, ...tags }).map(([key, each]) => [key, inOneForm(each)]),
    );
  }
  const isPair = (each: unknown): each is [string, unknown] =>
    Array.isArray(each) && each.length === 2 && typeof each[0] === "string";
  const pairs = value.filter(isPair);
  return value.length > 0 && pairs.length === value.length
    ? inOneForm(Object.fromEntries(pairs))
    : value.map(inOneForm);
}

/** RabbitMQ's own export, without what each stack has of its own. */
async function exported(): Promise<unknown> {
  const found = JSON.parse(await ctl("export_definitions -")) as Record<string, Record<string, unknown>[]>;
  const own = (object: Record<string, unknown>): boolean => object["name"] === "admin";
  const lists = Object.entries(found).filter(([, list]) => Array.isArray(list));
  return Object.fromEntries(
    lists.map(([key, list]) => [
      key,
      list
        .filter((object) => !own(object))
        .map((object) => JSON.stringify(inOneForm(object)))
        .sort(),
    ]),
  );
}

const exchanges = (): Promise<string> => ctl("list_exchanges -p shop name internal");

/** @returns the path of a backup that somebody asked for; one is enough for all tests */
async function ownBackup(): Promise<string> {
  const find = (): string | undefined =>
    backups().find((path) => path.endsWith(`${lab.release.version}.backup`));
  await fill();
  if (find() === undefined) await lab.runOrThrow("backup");
  return find() ?? "";
}

function backups(): string[] {
  if (!existsSync(lab.backupFolder)) return [];
  return readdirSync(lab.backupFolder)
    .sort()
    .map((name) => join(lab.backupFolder, name));
}

test("a backup is encrypted, only its owner can read it, and its secrets are nowhere in clear text", async () => {
  await fill();
  const output = await lab.runOrThrow("backup");
  assert.match(output, /2 users, 2 virtual hosts, .* 3 queues, 4 bindings; as \w+ has them/, tail(output));
  const path = backups().at(-1) ?? "";
  assert.ok(output.includes(path), output);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(lab.backupFolder).mode & 0o777, 0o700);
  const text = readFileSync(path, "latin1");
  const definitions = await ctl("export_definitions -");
  const { users } = JSON.parse(definitions) as { readonly users: { readonly password_hash: string }[] };
  const hashes = users.map(({ password_hash: hash }) => hash);
  assert.equal(hashes.length, 2);
  for (const secret of [password, ...hashes, "bills", "shop"])
    assert.ok(!text.includes(secret) && (secret.length < 10 || !output.includes(secret)), secret);
  const logs = "cat /var/log/rabbitmq/*; journalctl --no-pager -o cat";
  for (const hash of hashes)
    assert.equal(await lab.runOn(first, `{ ${logs}; } | grep -cF -e '${hash}' || true`), "0");
});

test("destroy makes a backup by itself; up and restore bring everything back", async (context) => {
  await fill();
  const before = await exported();
  const started = Date.now();
  const destroyed = await lab.runOrThrow("destroy");
  const [, path = ""] = /definitions backed up before destroy, in [\d.]+ s: (\S+)/.exec(destroyed) ?? [];
  assert.ok(backups().includes(path), tail(destroyed));
  const afterDestroy = Date.now();
  isFilled = false;
  await lab.runOrThrow("up");
  const afterUp = Date.now();
  const output = await lab.runOrThrow("restore", path, "--yes");
  const ended = Date.now();
  isFilled = true;
  assert.match(output, /stack test-bk has all \d+ of them, after/, tail(output));
  assert.ok(!output.includes(password));
  const seconds = [afterDestroy - started, afterUp - afterDestroy, ended - afterUp].map((ms) => ms / 1000);
  context.diagnostic(`destroy, up, restore: ${seconds.map((each) => each.toFixed(1)).join(", ")} s`);
  assert.deepEqual(await exported(), before);
  assert.match(await exchanges(), /^inside\ttrue$/m);
  // The application's password is the former one.
  const connection = await connectAsApp();
  const channel = await connection.createConfirmChannel();
  channel.publish("orders", "new.1", Buffer.from("x"));
  await channel.waitForConfirms();
  assert.notEqual(await channel.get("bills", { noAck: true }), false);
  await connection.close();
});

test("restore without --yes shows what it would make, change and leave, and does nothing", async () => {
  const path = await ownBackup();
  await lab.runOn(
    first,
    `{ rabbitmqctl -q clear_policy -p shop short
     rabbitmqctl -q set_permissions -p shop app '^x' '.*' '.*'
     rabbitmqctl -q add_user later ${password}; } </dev/null`,
  );
  const now = await exported();
  const shown = await lab.runOrThrow("restore", path);
  assert.match(shown, /^made:\n {2}1 policy: short in shop\nchanged:\n {2}1 permission: app in shop\n/m);
  assert.match(shown, /^not in the file, and stays:\n {2}1 user: later\n/m);
  assert.match(shown, /^Nothing was done\. To do it: npm run restore -- \S+ --yes --stack test-bk$/m);
  assert.deepEqual(await exported(), now);
  assert.match(await lab.runOrThrow("restore", path, "--yes"), /has all 2 of them/);
  assert.match(await ctl("list_users"), /^later\t/m);
  await ctl("delete_user later");
});

test("a queue that exists with other arguments is named, and stays", async () => {
  const path = await ownBackup();
  const redeclare = async (maxLength: number): Promise<void> => {
    const connection = await connectAsApp();
    const channel = await connection.createChannel();
    await channel.deleteQueue("Grüße €");
    await channel.assertQueue("Grüße €", { maxLength, deadLetterExchange: "orders" });
    await connection.close();
  };
  await redeclare(6);
  const output = await lab.runOrThrow("restore", path, "--yes");
  assert.match(output, /exists with other properties, .* and stays:\n {2}1 queue: Grüße € in shop\n/);
  assert.match(await ctl("list_queues -p shop name arguments"), /^Grüße €\t.*x-max-length\D+6\D/m);
  await redeclare(5);
  await lab.runOrThrow("restore", path, "--yes");
});

test("a broker that hangs is passed over; without a whole answer there is no backup, in words", async () => {
  await fill();
  const count = backups().length;
  await lab.runOn(first, "pkill -STOP beam.smp");
  try {
    assert.match(await lab.runOrThrow("backup"), new RegExp(`as (${second}|${third}) has them`));
  } finally {
    await lab.runOn(first, "pkill -CONT beam.smp");
  }
  const cut = `#!/bin/sh\ncat >/dev/null\nprintf %s '<<"eyJkZWZp'\n`;
  for (const broker of lab.brokers) {
    await lab.runOn(broker, `mv ${tool} ${tool}.away; cat >${tool} <<'END'\n${cut}END\nchmod 755 ${tool}`);
  }
  try {
    const { code, output } = await lab.npm("backup");
    assert.equal(code, 1);
    assert.match(output, /no backup was made, because no broker of stack test-bk answers whole:/);
    for (const broker of lab.brokers)
      assert.match(output, new RegExp(`^ {2}${broker}: the broker's answer is cut$`, "m"));
  } finally {
    for (const broker of lab.brokers) await lab.runOn(broker, `mv ${tool}.away ${tool}`);
  }
  assert.equal(backups().length, count + 1);
});

test("a damaged file is refused before the cluster is asked", async () => {
  const path = await ownBackup();
  const damaged = `${path}.cut`;
  writeFileSync(damaged, readFileSync(path).subarray(0, -20));
  const { code, output } = await lab.npm("restore", damaged, "--yes");
  assert.equal(code, 1);
  assert.match(output, /\.cut is cut or damaged: it has \d+ bytes, and had \d+; take another backup/);
});
