/** Rotation under load: who uses the old secret and who uses the new one is refused nothing, and loses nothing. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import amqp from "amqplib";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { root } from "../../testbed/stacks/trial-stack.ts";
import { CommandLineWatch, LoginClient } from "../support/login-client.ts";
import { readMessages } from "../support/messages.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "ro", net: 101 }), { release: () => stopClients() });
const clients: LoginClient[] = [];
let number = 0;

const everything = { configure: ".*", write: ".*", read: ".*" };
const definitions = {
  vhosts: [{ name: "shop" }],
  users: [{ name: "orders", tags: ["monitoring"], limits: { "max-channels": 50 } }],
  permissions: [{ user: "orders", vhost: "shop", ...everything }],
  queues: ["/", "shop"].map((vhost) => ({ vhost, name: "rotation" })),
};
const settings = `  rabbitmq-ha:definitions: ${JSON.stringify(definitions)}`;

async function stopClients(): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
}

afterEach(stopClients);

function uriOf(user: string, password: string, vhost: string): string {
  return `amqp://${user}:${password}@${lab.virtualAddress}:5672/${encodeURIComponent(vhost)}`;
}

function startClient(user: string, password: string, vhost: string): LoginClient {
  number += 1;
  const client = new LoginClient(uriOf(user, password, vhost), `client-${number}`, "rotation");
  clients.push(client);
  client.start();
  return client;
}

async function userPassword(user: string): Promise<string> {
  return ((await lab.output("userPasswords")) as Record<string, string>)[user] ?? "";
}

const stackFile = (): Promise<string> => readFile(join(root, `Pulumi.${lab.stack}.yaml`), "utf8");
const ctl = (words: string): Promise<string> =>
  lab.runOn(lab.brokers[0] ?? "", `rabbitmqctl -q ${words} </dev/null`);

async function rotate(...words: string[]): Promise<string> {
  const { code, output } = await lab.npm("rotate", ...words);
  assert.equal(code, 0, tail(output));
  return output;
}

async function assertNothingLost(used: readonly LoginClient[], uri: string): Promise<void> {
  for (const client of used) {
    assert.deepEqual(client.errors, []);
    assert.ok(
      client.confirmed.length > 20 && client.logins > 5,
      `${client.confirmed.length} ${client.logins}`,
    );
  }
  const found = new Set(await readMessages(await amqp.connect(uri), "rotation"));
  const lost = used.flatMap(({ confirmed }) => confirmed).filter((message) => !found.has(message));
  assert.deepEqual(lost, []);
}

async function assertSecret(
  secrets: readonly string[],
  watch: CommandLineWatch,
  output: string,
): Promise<void> {
  assert.deepEqual(watch.stop(secrets), []);
  const state = await lab.pulumi("stack", "export");
  for (const secret of secrets) {
    assert.ok(secret.length > 20);
    assert.ok(!output.includes(secret));
    assert.ok(!state.includes(secret));
    for (const host of lab.hosts)
      await lab.runOn(host, `! grep -rqF '${secret}' /var/log /var/lib/rabbitmq-ha 2>/dev/null`);
  }
}

test("the administrator: both are valid until the end, and nothing is refused or lost", async (context) => {
  await lab.ensureUp(settings);
  const password = String(await lab.output("adminPassword"));
  const old = startClient("admin", password, "/");
  const watch = new CommandLineWatch();
  const begun = await rotate("administrator", "--name", "admin-2");
  assert.match(begun, /admin-2 and admin are valid/, tail(begun));
  const newPassword = String(await lab.output("adminPassword"));
  assert.notEqual(newPassword, password);
  const renewed = startClient("admin-2", newPassword, "/");
  await pause(3000);

  const before = await stackFile();
  const { code, output } = await lab.npm("rotate", "administrator", "--finish");
  assert.equal(code, 1);
  assert.match(output, /nothing was changed: admin has \d connections?, from/, tail(output));
  assert.equal(await stackFile(), before);
  await old.stop();
  await pause(6000);
  const ended = await rotate("administrator", "--finish");
  await pause(1000);
  await stopClients();
  const uri = uriOf("admin-2", newPassword, "/");
  await assertNothingLost([old, renewed], uri);
  await assert.rejects(amqp.connect(uriOf("admin", password, "/")));
  assert.match(await ctl("list_users"), /^admin-2\t\[administrator\]$/m);
  assert.doesNotMatch(await ctl("list_users"), /^admin\t/m);
  await assertSecret([password, newPassword], watch, output + begun + ended);

  // And once more, with a client of the former administrator that stays, and an end that nobody has asked about.
  await rotate("administrator", "--name", "admin-3");
  const staying = await amqp.connect(uri);
  let isClosed = false;
  staying.on("error", () => undefined);
  // amqplib takes a connection that the broker closes by an operator's order for no error.
  staying.on("close", () => (isClosed = true));
  const path = join(root, `Pulumi.${lab.stack}.yaml`);
  await writeFile(path, (await stackFile()).replace("[admin-3, admin-2]", "[admin-3]"));
  const refused = await lab.npm("up");
  assert.equal(refused.code, 1, tail(refused.output));
  assert.match(refused.output, /up deletes the administrator admin-2 once nobody is connected as it/);
  assert.match(refused.output, /the former administrator admin-2 is not deleted: somebody has a connection/);
  assert.match(await ctl("list_users"), /^admin-2\t\[administrator\]$/m);
  assert.equal(isClosed, false);
  const forced = await rotate("administrator", "--finish", "--close-connections");
  assert.match(await stackFile(), /rabbitmq-ha:closeConnections: \[admin-2\]/);
  assert.match(forced, /deleted the former administrator admin-2, and closed its connections/, tail(forced));
  assert.doesNotMatch(await ctl("list_users"), /^admin-2\t/m);
  assert.equal(isClosed, true);
  context.diagnostic(
    `logins ${old.logins} + ${renewed.logins}, confirmed ${old.confirmed.length} + ${renewed.confirmed.length}`,
  );
});

test("a user of the definitions: previewed, killed half-way, ended, and once with its connections closed", async (context) => {
  await lab.ensureUp(settings);
  const password = await userPassword("orders");
  const old = startClient("orders", password, "shop");
  const before = await stackFile();
  const preview = await rotate("user", "orders", "--name", "orders-2", "--preview");
  assert.match(preview, /definitions-set/, tail(preview));
  assert.equal(await stackFile(), before);

  await rotate("user", "orders", "--name", "orders-2");
  const newPassword = await userPassword("orders-2");
  const renewed = startClient("orders-2", newPassword, "shop");
  assert.match(await ctl("list_users"), /^orders-2\t\[monitoring\]$/m);
  assert.match(await ctl("list_user_limits --user orders-2"), /"max-channels":50/);
  assert.match(await ctl("list_permissions -p shop"), /^orders-2\t\.\*\t\.\*\t\.\*$/m);
  // The same again is a run without changes.
  assert.match(await rotate("user", "orders"), /orders-2 and orders are valid/);
  await pause(1000);
  const refused = await lab.npm("rotate", "user", "orders-2", "--finish");
  assert.match(refused.output, /nothing was changed: orders has \d connections?, from/, tail(refused.output));
  await old.stop();
  await pause(6000);
  const ended = await rotate("user", "orders", "--finish");
  assert.match(ended, /orders-2 alone is valid in the place of orders/, tail(ended));
  await assert.rejects(amqp.connect(uriOf("orders", password, "shop")));
  assert.deepEqual(renewed.errors, []);

  // And once more, with a client of the former user that never goes by itself.
  await rotate("user", "orders", "--name", "orders-3");
  const newest = startClient("orders-3", await userPassword("orders-3"), "shop");
  const forced = await rotate("user", "orders", "--finish", "--close-connections");
  assert.match(forced, /orders-3 alone is valid in the place of orders/, tail(forced));
  await pause(1000);
  assert.ok(renewed.errors.length > 0);
  await stopClients();
  const late = renewed.errors.splice(0);
  await assertNothingLost([old, renewed, newest], uriOf("orders-3", await userPassword("orders-3"), "shop"));
  assert.doesNotMatch(await ctl("list_users"), /^orders(-2)?\t/m);
  context.diagnostic(
    `logins ${old.logins} + ${renewed.logins} + ${newest.logins}, confirmed ${old.confirmed.length} + ` +
      `${renewed.confirmed.length} + ${newest.confirmed.length}; of the former ${late.length} refused`,
  );
});

test("a password that is changed in place is announced, and the former one refused", async () => {
  await lab.ensureUp(settings);
  const password = String(await lab.output("adminPassword"));
  await lab.setSecret("adminPassword", "another-password-of-mine");
  const { output } = await lab.npm("preview");
  assert.match(output, /adminPassword is another one: up refuses admin with the former one/, tail(output));
  const up = await lab.runOrThrow("up");
  assert.match(up, /changed the password of admin/, tail(up));
  await assert.rejects(amqp.connect(uriOf("admin", password, "/")));
  assert.ok(!output.includes("another-password-of-mine") && !up.includes("another-password-of-mine"));
});

// The last one: the number of the cookie goes only upwards, and the settings above have none.
test("the Erlang cookie: all brokers change at once, and nothing is closed", async (context) => {
  await lab.ensureUp(settings);
  const read = (host: string): Promise<string> => lab.runOn(host, "cat /var/lib/rabbitmq/.erlang.cookie");
  const before = await read(lab.brokers[0] ?? "");
  const password = String(await lab.output("adminPassword"));
  const client = startClient("admin", password, "/");
  const watch = new CommandLineWatch();
  const output = await rotate("cookie");
  const files = await Promise.all(lab.brokers.map(read));
  assert.equal(new Set(files).size, 1);
  assert.notEqual(files[0], before);
  await pause(2000);
  await stopClients();
  await assertNothingLost([client], uriOf("admin", password, "/"));
  await assertSecret([before, files[0] ?? ""], watch, output);
  context.diagnostic(`logins ${client.logins}, confirmed ${client.confirmed.length}`);
  // One that starts has the new one from its file, and joins.
  const last = lab.brokers.at(-1) ?? "";
  await lab.runOn(last, "systemctl restart rabbitmq-server");
  assert.match(await lab.runOrThrow("up", "--expect-no-changes"), /is healthy/);
});
