/**
 * How the command provider reaches a machine: dials, keys, host keys, bastions.
 *
 * Sources: FACTS = the numbered points on remote.Command, CMD = pulumi/pulumi-command 1.2.1
 * provider/pkg/provider/remote/connection.go, SSH = golang.org/x/crypto/ssh.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { until } from "./plugins.ts";
import { Provider, REMOTE } from "./provider.ts";
import { startAgent } from "./ssh-agent.ts";
import { newKey, SshServer, type SshServerOptions } from "./ssh-server.ts";
import { secret, type Values } from "./values.ts";

const key = newKey();
const stranger = newKey();
let provider: Provider;
const cleanUps: (() => Promise<unknown> | undefined)[] = [];

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

/** Runs `echo ok` over a connection that differs in `login` from one with the right key and no patience. */
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

const UNABLE = (methods: string): string =>
  `after 0 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted methods [${methods}], ` +
  `no supported methods remain`;

describe("dials", () => {
  test("again and again, up to the limit, with growing pauses (FACTS 12)", async () => {
    const server = await startServer({ keys: [key.public], refuseFirst: 100 });
    await assert.rejects(connect(server, { dialErrorLimit: 3 }), {
      message: "after 3 failed attempts: ssh: handshake failed: EOF",
    });
    assert.equal(server.dials.length, 4);
    const pauses = server.dials.slice(1).map((at, index) => at - (server.dials[index] ?? 0));
    // 100 ms times 1.5 each time; a busy machine makes them longer, nothing makes them shorter.
    [100, 150, 225].forEach((least, index) => {
      const pause = pauses[index] ?? 0;
      assert.ok(pause >= least - 5 && pause < least + 1_000, `pause ${String(index)}: ${String(pause)} ms`);
    });
  });

  test("until it works, telling of each failure in passing (FACTS 12)", async () => {
    const server = await startServer({ keys: [key.public], refuseFirst: 2 });
    assert.equal(await connect(server, { dialErrorLimit: 2 }), "ok");
    assert.deepEqual(
      provider.engine.lines.filter((line) => line.ephemeral).map((line) => line.message),
      ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying", "ok"],
    );
  });

  test("for ever with a limit of -1, a refused key included (FACTS 12)", async () => {
    const server = await startServer({ keys: [key.public] });
    const own = await Provider.launch();
    cleanUps.push(() => own.stop());
    const running = connect(server, { privateKey: stranger.private, dialErrorLimit: -1 }, own);
    const ended = assert.rejects(running, { message: "context canceled" });
    await until(() => own.engine.lines.some((line) => line.message === "Dial 4/inf failed: retrying"));
    // Cancel ends the pause, not the dial (CMD dialWithRetry).
    await own.cancel();
    await ended;
  });

  test("fewer times than a custom timeout allows (CMD dialWithRetry, GP middleware/cancel)", async () => {
    const server = await startServer({ keys: [key.public], refuseFirst: 100 });
    const connection = secret({ host: "127.0.0.1", port: server.port, dialErrorLimit: -1 });
    await assert.rejects(provider.create(REMOTE, { connection, create: "true" }, { timeout: 1 }), {
      message: "context deadline exceeded",
    });
  });

  test("tells of a refused connection (FACTS 12)", async () => {
    const server = await startServer();
    await assert.rejects(connect(server, { port: 1 }), {
      message: "after 0 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
    });
  });

  test("waits for ever on a server that takes the connection and says nothing (FACTS 7)", async () => {
    const server = await startServer({ mute: true });
    const own = await Provider.launch();
    cleanUps.push(() => own.stop());
    let ended = false;
    const running = connect(server, { perDialTimeout: 1 }, own)
      .catch(() => undefined)
      .finally(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.equal(ended, false);
    assert.equal(server.dials.length, 1);
    await own.stop();
    await running;
  });
});

describe("logs in", () => {
  test("with a key, after asking which methods there are (SSH clientAuthenticate)", async () => {
    const server = await startServer();
    assert.equal(await connect(server), "ok");
    assert.equal(server.authAttempts[0], "none");
  });

  test("with an encrypted key (CMD SShConfig)", async () => {
    const encrypted = newKey("pass");
    const server = await startServer({ keys: [encrypted.public] });
    const login = { privateKey: encrypted.private, privateKeyPassword: "pass" };
    assert.equal(await connect(server, login), "ok");
    await assert.rejects(connect(server, { ...login, privateKeyPassword: "wrong" }), {
      message: "x509: decryption password incorrect",
    });
    await assert.rejects(connect(server, { privateKey: encrypted.private }), {
      message: "ssh: this private key is passphrase protected",
    });
  });

  test("with a password, asked for in either way (CMD SShConfig)", async () => {
    const server = await startServer({ password: "pw" });
    const login = { privateKey: null, password: "pw" };
    assert.equal(await connect(server, login), "ok");
    const asking = await startServer({ password: "pw", askPassword: true });
    assert.equal(await connect(asking, login), "ok");
  });

  test("with a password after the key was refused (CMD SShConfig)", async () => {
    const server = await startServer({ keys: [stranger.public], password: "pw" });
    assert.equal(await connect(server, { password: "pw" }), "ok");
  });

  test("not with a key that the server does not know", async () => {
    const server = await startServer({ keys: [stranger.public] });
    await assert.rejects(connect(server), { message: UNABLE("none publickey") });
  });

  test("not with a text that is no key; it does not even dial (CMD SShConfig)", async () => {
    const server = await startServer();
    await assert.rejects(connect(server, { privateKey: "no key" }), { message: "ssh: no key found" });
    assert.equal(server.dials.length, 0);
  });

  test("as root unless told otherwise", async () => {
    const server = await startServer();
    await connect(server);
    await connect(server, { user: "admin" });
    assert.deepEqual(
      server.executed.map(({ user }) => user),
      ["root", "admin"],
    );
  });
});

describe("agent", () => {
  test("is used where there is no key (CMD SShConfig)", async () => {
    const agent = await startAgent(key);
    cleanUps.push(() => agent.stop());
    const server = await startServer();
    assert.equal(await connect(server, { privateKey: null, agentSocketPath: agent.path }), "ok");
  });

  test("is found by SSH_AUTH_SOCK (CMD SShConfig)", async () => {
    const agent = await startAgent(key);
    const own = await Provider.launch({ env: { SSH_AUTH_SOCK: agent.path } });
    cleanUps.push(
      () => own.stop(),
      () => agent.stop(),
    );
    const server = await startServer();
    assert.equal(await connect(server, { privateKey: null }, own), "ok");
  });

  test("is not asked after a private key was refused (SSH clientAuthenticate)", async () => {
    const agent = await startAgent(key);
    cleanUps.push(() => agent.stop());
    const server = await startServer();
    await assert.rejects(connect(server, { privateKey: stranger.private, agentSocketPath: agent.path }), {
      message: UNABLE("none publickey"),
    });
  });

  test("that is set but dead fails a command with a private key, without a dial (FACTS 13)", async () => {
    const own = await Provider.launch({ env: { SSH_AUTH_SOCK: "/nowhere/agent.sock" } });
    cleanUps.push(() => own.stop());
    const server = await startServer();
    await assert.rejects(connect(server, {}, own), {
      message: "dial unix /nowhere/agent.sock: connect: no such file or directory",
    });
    assert.equal(server.dials.length, 0);
  });
});

describe("host key", () => {
  test("may be any where none is pinned (FACTS 11)", async () => {
    assert.equal(await connect(await startServer()), "ok");
  });

  test("that is pinned must be the server's (FACTS 11)", async () => {
    const server = await startServer();
    assert.equal(await connect(server, { hostKey: server.hostKey.public }), "ok");
    await assert.rejects(connect(server, { hostKey: stranger.public }), {
      message: "after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    });
  });

  for (const types of [
    ["ed25519", "ecdsa"],
    ["ecdsa", "ed25519"],
  ] as const) {
    test(`may be the ${types[0]} one of a server that has more (FACTS 11)`, async () => {
      const server = await startServer({ keys: [key.public], hostKeyTypes: types });
      assert.equal(await connect(server, { hostKey: server.hostKey.public }), "ok");
    });
  }

  test("must be a public key", async () => {
    await assert.rejects(connect(await startServer(), { hostKey: "nonsense" }), /ssh: no key found$/);
  });
});

describe("bastion", () => {
  test("carries the connection (CMD Dial)", async () => {
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

  test("that refuses is named as such (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ password: "gate" });
    const proxy = { host: "127.0.0.1", port: bastion.port, password: "wrong", dialErrorLimit: 0 };
    await assert.rejects(connect(server, { proxy }), { message: `proxy: ${UNABLE("none password")}` });
    await assert.rejects(connect(server, { proxy: { ...proxy, port: 1 } }), {
      message: "proxy: after 0 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
    });
    assert.equal(server.dials.length, 0);
  });

  test("has a host key and a limit of its own (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ keys: [key.public], refuseFirst: 1 });
    const proxy = { host: "127.0.0.1", port: bastion.port, privateKey: key.private, dialErrorLimit: 1 };
    assert.equal(await connect(server, { proxy: { ...proxy, hostKey: bastion.hostKey.public } }), "ok");
    assert.ok(provider.engine.lines.some((line) => line.message === "Dial proxy 1/1 failed: retrying"));
  });

  test("that cannot reach the machine is asked again (CMD Dial)", async () => {
    const server = await startServer();
    const bastion = await startServer({ keys: [key.public], forwards: false });
    const proxy = { host: "127.0.0.1", port: bastion.port, privateKey: key.private };
    await assert.rejects(
      connect(server, { dialErrorLimit: 1, proxy }),
      /^Error: proxy: after 1 failed attempts: ssh: /,
    );
    assert.ok(provider.engine.lines.some((line) => line.message === "Dial from proxy 1/1 failed: retrying"));
  });
});

test("a connection that breaks while a command runs fails the command", async () => {
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
  await until(() => provider.engine.lines.some((line) => line.message === "begun"));
  server.dropConnections();
  await ended;
});
