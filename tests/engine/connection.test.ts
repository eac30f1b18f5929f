/**
 * How the command provider connects to a machine: dials, pauses, bastions.
 *
 * Sources: FACTS = the numbered points on remote.Command, CMD = pulumi/pulumi-command 1.2.1
 * provider/pkg/provider/remote/connection.go, SSH = golang.org/x/crypto/ssh.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { waitUntil } from "./plugins.ts";
import { Provider, REMOTE } from "./provider.ts";
import { newKey } from "./ssh-keys.ts";
import { SshServer, type SshServerOptions } from "./ssh-server.ts";
import { secret, type Values } from "./values.ts";

const key = newKey();
const otherKey = newKey();
let provider: Provider;
const cleanUps: (() => Promise<void>)[] = [];

before(async () => {
  provider = await Provider.launch();
});
after(async () => {
  await provider.stop();
});
afterEach(async () => {
  provider.engine.lines.length = 0;
  await Promise.all(cleanUps.splice(0).map((cleanUp) => cleanUp()));
});

async function startServer(options: SshServerOptions = { keys: [key.public] }): Promise<SshServer> {
  const server = await SshServer.start(options);
  cleanUps.push(() => server.stop());
  return server;
}

/** Runs `echo ok` over a connection with the right key and no retries, changed by `login`. */
async function connect(server: SshServer, login: Values = {}, through = provider): Promise<unknown> {
  const connection = {
    host: "127.0.0.1",
    port: server.port,
    privateKey: key.private,
    dialErrorLimit: 0,
    ...login,
  };
  const state = await through.create(REMOTE, { connection: secret(connection), create: "echo ok" });
  return state["stdout"];
}

const unableMessage = (methods: string): string =>
  `after 0 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [${methods}], ` +
  `no supported methods remain`;

describe("dials", () => {
  test("are retried up to the limit, with growing pauses (FACTS 12)", async () => {
    const server = await startServer({ keys: [key.public], refuseFirst: 100 });
    await assert.rejects(connect(server, { dialErrorLimit: 3 }), {
      message: "after 3 failed attempts: ssh: handshake failed: EOF",
    });
    assert.equal(server.dials.length, 4);
    const pauses = server.dials.slice(1).map((at, index) => at - (server.dials[index] ?? 0));
    // 100 ms, growing by 1.5 each time. A busy machine makes pauses longer, never shorter.
    [100, 150, 225].forEach((least, index) => {
      const pause = pauses[index] ?? 0;
      assert.ok(pause >= least - 5, `pause ${String(index)}: ${String(pause)} ms`);
    });
  });

  test("are retried until one works, with an ephemeral log line per failure (FACTS 12)", async () => {
    const server = await startServer({ keys: [key.public], refuseFirst: 2 });
    assert.equal(await connect(server, { dialErrorLimit: 2 }), "ok");
    assert.deepEqual(
      provider.engine.lines.filter((line) => line.ephemeral).map((line) => line.message),
      ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying", "ok"],
    );
  });

  test("are retried without limit at -1, also after a refused key (FACTS 12)", async () => {
    const server = await startServer({ keys: [key.public] });
    const own = await Provider.launch();
    cleanUps.push(() => own.stop());
    const running = connect(server, { privateKey: otherKey.private, dialErrorLimit: -1 }, own);
    const ended = assert.rejects(running, { message: "context canceled" });
    await waitUntil(() => own.engine.lines.some((line) => line.message === "Dial 4/inf failed: retrying"));
    // Cancel ends the pause, not a dial (CMD dialWithRetry).
    await own.cancel();
    await ended;
  });

  test("are no longer retried after the custom timeout (CMD dialWithRetry, GP middleware/cancel)", async () => {
    const server = await startServer({ keys: [key.public], refuseFirst: 100 });
    const connection = secret({ host: "127.0.0.1", port: server.port, dialErrorLimit: -1 });
    await assert.rejects(provider.create(REMOTE, { connection, create: "true" }, { timeout: 1 }), {
      message: "context deadline exceeded",
    });
  });

  test("report a refused connection (FACTS 12)", async () => {
    const server = await startServer();
    await assert.rejects(connect(server, { port: 1 }), {
      message: "after 0 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
    });
  });

  test("never time out on a server that accepts the connection and does not answer (FACTS 7)", async () => {
    const server = await startServer({ neverAnswers: true });
    const own = await Provider.launch();
    cleanUps.push(() => own.stop());
    let ended = false;
    const running = connect(server, { perDialTimeout: 1 }, own)
      .catch(() => undefined)
      .finally(() => (ended = true));
    await waitUntil(() => server.dials.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.equal(ended, false);
    assert.equal(server.dials.length, 1);
    await own.stop();
    await running;
  });
});

describe("bastion", () => {
  test("forwards the connection (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ password: "gate" });
    const proxy = {
      host: "127.0.0.1",
      port: bastion.port,
      password: "gate",
      user: "jump",
      dialErrorLimit: 0,
    };
    assert.equal(await connect(server, { proxy }), "ok");
    assert.deepEqual(bastion.forwarded, [`127.0.0.1:${String(server.port)}`]);
    assert.equal(bastion.executed.length, 0);
  });

  test("that refuses is reported as the proxy (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ password: "gate" });
    const proxy = { host: "127.0.0.1", port: bastion.port, password: "wrong", dialErrorLimit: 0 };
    await assert.rejects(connect(server, { proxy }), { message: `proxy: ${unableMessage("none password")}` });
    await assert.rejects(connect(server, { proxy: { ...proxy, port: 1 } }), {
      message: "proxy: after 0 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
    });
    assert.equal(server.dials.length, 0);
  });

  test("has its own host key and dial limit (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ keys: [key.public], refuseFirst: 1 });
    const proxy = { host: "127.0.0.1", port: bastion.port, privateKey: key.private, dialErrorLimit: 1 };
    assert.equal(await connect(server, { proxy: { ...proxy, hostKey: bastion.hostKey.public } }), "ok");
    assert.ok(provider.engine.lines.some((line) => line.message === "Dial proxy 1/1 failed: retrying"));
  });

  test("that cannot reach the machine is retried (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ keys: [key.public], allowsForwarding: false });
    const proxy = { host: "127.0.0.1", port: bastion.port, privateKey: key.private };
    await assert.rejects(
      connect(server, { dialErrorLimit: 1, proxy }),
      /^Error: proxy: after 1 failed attempts: ssh: /,
    );
    assert.ok(provider.engine.lines.some((line) => line.message === "Dial from proxy 1/1 failed: retrying"));
  });
});

test("a connection lost while a command runs fails the command", async () => {
  const server = await startServer();
  const connection = secret({
    host: "127.0.0.1",
    port: server.port,
    privateKey: key.private,
    dialErrorLimit: 0,
  });
  const running = provider.create(REMOTE, { connection, create: "echo begun; sleep 20" });
  const ended = assert.rejects(running, {
    message:
      "wait: remote command exited without exit status or exit signal: running " +
      '"echo begun; sleep 20":\nbegun\n',
  });
  await waitUntil(() => provider.engine.lines.some((line) => line.message === "begun"));
  server.dropConnections();
  await ended;
});
