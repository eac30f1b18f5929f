/** Host keys that no setting pins, over SSH servers of the test; a mock of the engine keeps the state. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import {
  addressesWithNewKeys,
  PinnedHostKeys,
  runWithPinnedKey,
} from "../../../platforms/existing/pinned-host-keys.ts";
import { fingerprint } from "../../../platforms/ssh-keys.ts";
import { SshError, type Login } from "../../../remote/ssh.ts";
import { newHostKeysVariable } from "../../../hosts/new-host-keys.ts";
import { newKey, newKeyOfType } from "../../engine/ssh-keys.ts";
import { SshServer, type SshServerOptions } from "../../engine/ssh-server.ts";

const key = newKey();
const servers: SshServer[] = [];
/** The values of the stashes in the state, by their names. */
let state: Record<string, string> = {};
let registered: { readonly name: string; readonly input: string }[] = [];

before(() =>
  pulumi.runtime.setMocks({
    call: () => ({}),
    newResource: ({ name, inputs }) => {
      const { input } = inputs as { readonly input: string };
      registered.push({ name, input });
      return { id: name, state: { input, output: state[name] ?? input } };
    },
  }),
);
afterEach(() => {
  state = {};
  registered = [];
});
after(() => Promise.all(servers.map((server) => server.stop())));

async function serve(options: SshServerOptions = {}): Promise<SshServer> {
  const server = await SshServer.start({ keys: [key.public], ...options });
  servers.push(server);
  return server;
}

function loginTo({ port }: SshServer): Login {
  return { host: "127.0.0.1", port, user: "ops", privateKey: key.private };
}

function run(login: Login): Promise<string> {
  return runWithPinnedKey(login, { command: "echo done" });
}

async function refusalOf(login: Login): Promise<SshError> {
  const error: unknown = await run(login).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SshError, String(error));
  return error;
}

const labels = new Map([
  ["10.0.0.9", "never met"],
  ["127.0.0.1", "mq1 (127.0.0.1)"],
]);

test("the first contact pins the key, once for all connections", async () => {
  const server = await serve();
  const pins = new PinnedHostKeys([]);
  const login = pins.addTo(loginTo(server));
  assert.deepEqual(await Promise.all([run(login), run(login)]), ["done\n", "done\n"]);
  assert.deepEqual(
    registered.map(({ name }) => name),
    ["host-key-127.0.0.1"],
  );
  const [type = "", bytes = ""] = server.hostKey.public.split(" ");
  assert.deepEqual(await pins.hostKeys(), { "127.0.0.1": `${type} ${bytes}` });
  assert.deepEqual(await pins.firstContacts(labels), [
    `mq1 (127.0.0.1): host key ${fingerprint(server.hostKey.public)} pinned at first contact`,
  ]);
});

test("a later contact with the same key says nothing", async () => {
  const server = await serve();
  state = { "host-key-127.0.0.1": `${server.hostKey.public} 2026-11-27T00:00:00.000Z` };
  const pins = new PinnedHostKeys([]);
  assert.equal(await run(pins.addTo(loginTo(server))), "done\n");
  assert.deepEqual(await pins.firstContacts(labels), []);
});

test("another key than the pinned one is refused before the log-in, with both", async () => {
  const [server, other] = [await serve(), newKey()];
  state = { "host-key-127.0.0.1": `${other.public} 2026-11-27T00:00:00.000Z` };
  const { reason, shownHostKey, pinnedHostKey } = await refusalOf(
    new PinnedHostKeys([]).addTo(loginTo(server)),
  );
  assert.equal(reason, "host-key");
  assert.equal(fingerprint(shownHostKey ?? ""), fingerprint(server.hostKey.public));
  assert.equal(fingerprint(pinnedHostKey ?? ""), fingerprint(other.public));
  assert.deepEqual(server.authAttempts, []);
});

test("two machines that answer under one address do not both pass", async () => {
  const [first, second] = [await serve(), await serve()];
  const pins = new PinnedHostKeys([]);
  assert.equal(await run(pins.addTo(loginTo(first))), "done\n");
  assert.equal((await refusalOf(pins.addTo(loginTo(second)))).reason, "host-key");
});

test("a host that has got a key of a better type since is asked for the pinned one", async () => {
  const [pinned, newer] = [newKeyOfType("ecdsa"), newKey()];
  const server = await serve();
  server.changeHostKey([newer, pinned]);
  state = { "host-key-127.0.0.1": `${pinned.public} 2026-11-27T00:00:00.000Z` };
  const login = new PinnedHostKeys([]).addTo(loginTo(server));
  assert.equal(await run(login), "done\n");
  server.changeHostKey([newer]);
  const { reason, shownHostKey, pinnedHostKey } = await refusalOf(login);
  assert.deepEqual([reason, shownHostKey], ["host-key", undefined]);
  assert.equal(fingerprint(pinnedHostKey ?? ""), fingerprint(pinned.public));
});

test("the bastion's key is pinned too, and another one is refused", async () => {
  const bastion = await serve();
  const behind = { ...loginTo(await serve()), hostKey: servers.at(-1)?.hostKey.public };
  const login: Login = { ...behind, proxy: { ...loginTo(bastion), host: "localhost" } };
  assert.equal(await run(new PinnedHostKeys([]).addTo(login)), "done\n");
  assert.deepEqual(
    registered.map(({ name }) => name),
    ["host-key-localhost"],
  );
  state = { "host-key-localhost": `${newKey().public} 2026-11-27T00:00:00.000Z` };
  const { reason, isBastion } = await refusalOf(new PinnedHostKeys([]).addTo(login));
  assert.deepEqual([reason, isBastion], ["host-key", true]);
});

test("no key is accepted while nobody can say which one is pinned", async () => {
  const server = await serve();
  const login = (pinHostKey: () => Promise<string>): Login => ({ ...loginTo(server), pinHostKey });
  const lost = login(() => Promise.reject(new Error("the state is lost")));
  await assert.rejects(run(lost), /the state is lost/);
  const silent = login(() => new Promise(() => undefined));
  await assert.rejects(runWithPinnedKey(silent, { command: "true", timeoutSeconds: 1 }), {
    reason: "timeout",
  });
  assert.deepEqual(server.authAttempts, []);
});

test("the environment names the hosts with new keys by name or address, and only the stack's", () => {
  const machines = [
    { name: "mq1", address: "10.0.0.1" },
    { name: "mq2", address: "10.0.0.2" },
  ];
  process.env[newHostKeysVariable] = "mq2,10.0.0.1,jump";
  assert.deepEqual(addressesWithNewKeys(machines, "jump"), ["10.0.0.2", "10.0.0.1", "jump"]);
  process.env[newHostKeysVariable] = "mq3";
  assert.throws(() => addressesWithNewKeys(machines, "jump"), {
    message: `${newHostKeysVariable} names mq3, which the stack does not have; its hosts are mq1, mq2, jump`,
  });
  process.env[newHostKeysVariable] = "";
  assert.deepEqual(addressesWithNewKeys(machines, undefined), []);
});
