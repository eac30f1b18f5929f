/**
 * What a remote.Command runs, when, and its outputs.
 *
 * Sources: FACTS = the table and the numbered points on remote.Command, CMD = pulumi/pulumi-command
 * 1.2.1 provider/pkg/provider/remote, GP = pulumi/pulumi-go-provider infer/resource.go.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { Provider, REMOTE } from "./provider.ts";
import { newKey } from "./ssh-keys.ts";
import { SshServer } from "./ssh-server.ts";
import { isSecret, secret, type Value } from "./values.ts";

const key = newKey();
let provider: Provider;
let host: SshServer;
let otherHost: SshServer;
let connection: Value;
let otherConnection: Value;

before(async () => {
  provider = await Provider.launch();
  host = await SshServer.start({ keys: [key.public], acceptEnv: ["GREETING", "PULUMI_COMMAND_STDOUT"] });
  otherHost = await SshServer.start({ keys: [key.public] });
  connection = loginTo(host);
  otherConnection = loginTo(otherHost);
});
after(async () => {
  await provider.stop();
  await host.stop();
  await otherHost.stop();
});
beforeEach(() => {
  host.executed.length = 0;
  otherHost.executed.length = 0;
});

function loginTo({ port }: SshServer): Value {
  return secret({ host: "127.0.0.1", port, user: "root", privateKey: key.private, dialErrorLimit: 0 });
}

function scripts(server: SshServer): string[] {
  return server.executed.map(({ script }) => script);
}

describe("create", () => {
  test("runs `create` and captures both streams without their last newline (FACTS table, CMD commandOutputs.go)", async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "printf 'a\\n\\n'; printf 'b\\r\\n' >&2",
    });
    assert.equal(state["stdout"], "a\n");
    assert.equal(state["stderr"], "b\r");
    assert.equal(host.executed[0]?.user, "root");
  });

  test("without `create` runs nothing (FACTS 6)", async () => {
    const state = await provider.create(REMOTE, { connection, update: "echo updated" });
    assert.deepEqual(scripts(host), []);
    assert.equal(state["stdout"], "");
    assert.equal(state["stderr"], "");
  });

  test("that fails records no state (FACTS 5)", async () => {
    // There is no ErrorResourceInitFailed with a state, so the engine does not keep the resource.
    await assert.rejects(provider.create(REMOTE, { connection, create: "exit 1" }), (error: Error) => {
      assert.equal("metadata" in error, false);
      assert.equal("code" in error && error.code, 2);
      return true;
    });
  });

  test("reports a failure with the whole script and all its output (FACTS 9, CMD commandOutputs.go)", async () => {
    const script = 'echo "out	é"\necho err >&2; exit 3';
    await assert.rejects(provider.create(REMOTE, { connection, create: script }), (error: Error) => {
      const expected = 'Process exited with status 3: running "echo \\"out\\té\\"\\necho err >&2; exit 3":\n';
      assert.equal(error.message.slice(0, expected.length), expected);
      // Either of the two streams may come first.
      assert.deepEqual(error.message.slice(expected.length).trimEnd().split("\n").sort(), ["err", "out\té"]);
      return true;
    });
  });

  test("reports a script that was killed (golang.org/x/crypto/ssh Waitmsg)", async () => {
    await assert.rejects(provider.create(REMOTE, { connection, create: "kill -9 $$" }), {
      message: 'Process exited with status 137 from signal KILL: running "kill -9 $$":\n',
    });
  });

  test("keeps secret inputs secret, and outputs plain (FACTS Secrets)", async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "cat",
      stdin: secret("s3cret"),
      environment: secret({ GREETING: "hi" }),
    });
    assert.equal(isSecret(state["connection"]), true);
    assert.deepEqual(state["stdin"], secret("s3cret"));
    assert.deepEqual(state["environment"], secret({ GREETING: "hi" }));
    // The engine makes outputs secret, by additionalSecretOutputs.
    assert.equal(state["stdout"], "s3cret");
  });

  test("opens a new connection for each command and requests no terminal (FACTS 14)", async () => {
    const dials = host.dials.length;
    const state = await provider.create(REMOTE, {
      connection,
      create: "test -t 0 || test -t 1 || echo none",
    });
    await provider.create(REMOTE, { connection, create: "true" });
    assert.equal(state["stdout"], "none");
    assert.equal(host.terminals, 0);
    assert.equal(host.dials.length - dials, 2);
  });

  test("ends only when no process holds the session's output (FACTS 15)", async () => {
    const started = performance.now();
    await provider.create(REMOTE, { connection, create: "sleep 1 & true" });
    assert.ok(performance.now() - started >= 900);
    const detached = performance.now();
    await provider.create(REMOTE, { connection, create: "sleep 5 </dev/null >/dev/null 2>&1 & true" });
    assert.ok(performance.now() - detached < 4_000);
  });
});

describe("update", () => {
  test("runs `update` with the new connection, environment and stdin (FACTS table)", async () => {
    const state = await provider.create(REMOTE, { connection: otherConnection, create: "cat", stdin: "old" });
    const next = await provider.update(REMOTE, state, {
      connection,
      create: "echo no",
      update: "cat; echo -n $GREETING",
      stdin: "new ",
      environment: { GREETING: "hi" },
    });
    assert.deepEqual(scripts(host), ["cat; echo -n $GREETING"]);
    assert.equal(next["stdout"], "new hi");
    assert.equal(next["create"], "echo no");
  });

  test("runs `create` if there is no `update`, so a new address re-runs it (FACTS table and 1)", async () => {
    const state = await provider.create(REMOTE, { connection, create: "echo run" });
    await provider.update(REMOTE, state, { connection: otherConnection, create: "echo run" });
    assert.deepEqual(scripts(otherHost), ["echo run"]);
  });

  test("with neither runs nothing and keeps the old output (CMD commandController.go)", async () => {
    const state = await provider.create(REMOTE, { connection, create: "echo first" });
    const next = await provider.update(REMOTE, state, { connection, delete: "true" });
    assert.equal(next["stdout"], "first");
    assert.deepEqual(scripts(host), ["echo first"]);
  });

  test("that fails is an error without a new state (FACTS 5)", async () => {
    const state = await provider.create(REMOTE, { connection, create: "true" });
    await assert.rejects(provider.update(REMOTE, state, { connection, create: "true", update: "exit 7" }), {
      message: 'Process exited with status 7: running "exit 7":\n',
      code: 2,
    });
  });
});

describe("delete", () => {
  test("runs the `delete` of the old state over the old connection (FACTS table)", async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "true",
      delete: "cat > deleted",
      stdin: "in",
    });
    await provider.delete(REMOTE, state);
    assert.equal(readFileSync(join(host.folder, "deleted"), "utf8"), "in");
  });

  test("without `delete` does not even dial (FACTS table)", async () => {
    const state = await provider.create(REMOTE, { connection, create: "true" });
    const dials = host.dials.length;
    await provider.delete(REMOTE, state);
    assert.equal(host.dials.length, dials);
  });

  test("fails when the machine no longer exists, which deletedWith avoids (FACTS 4)", async () => {
    const gone = secret({ host: "127.0.0.1", port: 1, user: "root", dialErrorLimit: 0, perDialTimeout: 15 });
    await assert.rejects(
      provider.delete(REMOTE, { connection: gone, delete: "true", stdout: "", stderr: "" }),
      {
        message: "after 0 failed attempts: dial tcp 127.0.0.1:1: connect: connection refused",
      },
    );
  });
});

test("stdin goes to create, update and delete (FACTS 2)", async () => {
  const inputs = {
    connection,
    create: "cat > c",
    update: "cat > u",
    delete: "cat > d",
    stdin: secret("same"),
  };
  const state = await provider.create(REMOTE, inputs);
  await provider.delete(REMOTE, await provider.update(REMOTE, state, inputs));
  for (const name of ["c", "u", "d"]) {
    assert.equal(readFileSync(join(host.folder, name), "utf8"), "same");
  }
});
