/**
 * How the command provider authenticates, and which host keys it accepts.
 *
 * Sources: FACTS = the numbered points on remote.Command, CMD = pulumi/pulumi-command 1.2.1
 * provider/pkg/provider/remote/connection.go, SSH = golang.org/x/crypto/ssh.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { Provider, REMOTE } from "./provider.ts";
import { startAgent } from "./ssh-agent.ts";
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

describe("logs in", () => {
  test("with a key, after asking for the available methods (SSH clientAuthenticate)", async () => {
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

  test("with a password, by method password or keyboard-interactive (CMD SShConfig)", async () => {
    const server = await startServer({ password: "pw" });
    const login = { privateKey: null, password: "pw" };
    assert.equal(await connect(server, login), "ok");
    const asking = await startServer({ password: "pw", usesKeyboardInteractive: true });
    assert.equal(await connect(asking, login), "ok");
  });

  test("with a password after the key was refused (CMD SShConfig)", async () => {
    const server = await startServer({ keys: [otherKey.public], password: "pw" });
    assert.equal(await connect(server, { password: "pw" }), "ok");
  });

  test("not with a key that the server does not know", async () => {
    const server = await startServer({ keys: [otherKey.public] });
    await assert.rejects(connect(server), { message: unableMessage("none publickey") });
  });

  test("not with an invalid key, for which it does not even dial (CMD SShConfig)", async () => {
    const server = await startServer();
    await assert.rejects(connect(server, { privateKey: "no key" }), { message: "ssh: no key found" });
    assert.equal(server.dials.length, 0);
  });

  test("as root by default", async () => {
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
  test("is used if there is no key (CMD SShConfig)", async () => {
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
    await assert.rejects(connect(server, { privateKey: otherKey.private, agentSocketPath: agent.path }), {
      message: unableMessage("none publickey"),
    });
  });

  test("that is set but does not answer fails a command with a private key, before any dial (FACTS 13)", async () => {
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
  test("may be any if none is pinned (FACTS 11)", async () => {
    assert.equal(await connect(await startServer()), "ok");
  });

  test("must match if it is pinned (FACTS 11)", async () => {
    const server = await startServer();
    assert.equal(await connect(server, { hostKey: server.hostKey.public }), "ok");
    await assert.rejects(connect(server, { hostKey: otherKey.public }), {
      message: "after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    });
  });

  for (const types of [
    ["ed25519", "ecdsa"],
    ["ecdsa", "ed25519"],
  ] as const) {
    test(`may be the ${types[0]} one of a server with several (FACTS 11)`, async () => {
      const server = await startServer({ keys: [key.public], hostKeyTypes: types });
      assert.equal(await connect(server, { hostKey: server.hostKey.public }), "ok");
    });
  }

  test("must be a public key", async () => {
    await assert.rejects(connect(await startServer(), { hostKey: "nonsense" }), /ssh: no key found$/);
  });
});
