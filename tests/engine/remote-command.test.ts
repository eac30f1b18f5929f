/**
 * What a remote.Command runs, when, and what becomes of its output.
 *
 * Sources: FACTS = the table and the numbered points on remote.Command, CMD = pulumi/pulumi-command
 * 1.2.1 provider/pkg/provider/remote, GP = pulumi/pulumi-go-provider infer/resource.go.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { isReal, until } from "./plugins.ts";
import { Provider, REMOTE, urnOf } from "./provider.ts";
import { newKey, SshServer } from "./ssh-server.ts";
import { isSecret, isUnknown, secret, UNKNOWN, type Value } from "./values.ts";

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
  provider.engine.lines.length = 0;
});

function loginTo({ port }: SshServer): Value {
  return secret({ host: "127.0.0.1", port, user: "root", privateKey: key.private, dialErrorLimit: 0 });
}

function scripts(server: SshServer): string[] {
  return server.executed.map(({ script }) => script);
}

describe("preview", () => {
  test("of a create runs nothing and knows no output (FACTS table)", async () => {
    const outputs = await provider.create(REMOTE, { connection, create: "echo hi" }, { preview: true });
    assert.deepEqual(scripts(host), []);
    assert.equal(isUnknown(outputs["stdout"]), true);
    assert.equal(isUnknown(outputs["stderr"]), true);
    assert.equal(outputs["create"], "echo hi");
  });

  test("of an update runs nothing and knows no output (FACTS table)", async () => {
    const old = await provider.checked(REMOTE, { connection, create: "echo hi" });
    const news = { connection, create: "echo ho" };
    const outputs = await provider.update(REMOTE, { ...old, stdout: "hi", stderr: "" }, news, {
      preview: true,
    });
    assert.deepEqual(scripts(host), []);
    assert.equal(isUnknown(outputs["stdout"]), true);
    assert.equal(isUnknown(outputs["stderr"]), true);
  });

  test("knows no output when an input is unknown (GP markComputed)", async () => {
    const inputs = { connection, create: "echo hi", stdin: "a" };
    const old = await provider.checked(REMOTE, inputs);
    const news = { ...inputs, stdin: UNKNOWN };
    const outputs = await provider.update(REMOTE, { ...old, stdout: "hi", stderr: "" }, news, {
      preview: true,
    });
    assert.equal(isUnknown(outputs["stdout"]), true);
    assert.equal(isUnknown(outputs["stdin"]), true);
  });

  test("keeps the old output when the only change is an input that is new (GP markComputed)", async () => {
    const old = await provider.checked(REMOTE, { connection, create: "echo hi" });
    const news = { connection, create: "echo hi", update: "echo ho" };
    const outputs = await provider.update(REMOTE, { ...old, stdout: "hi", stderr: "e" }, news, {
      preview: true,
    });
    assert.equal(outputs["stdout"], "hi");
    assert.equal(outputs["stderr"], "e");
  });
});

describe("create", () => {
  test("runs `create` and captures both streams, less one newline each (FACTS table, CMD commandOutputs.go)", async () => {
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

  test("that fails records nothing (FACTS 5)", async () => {
    // No ErrorResourceInitFailed with a state in it: the engine forgets the resource.
    await assert.rejects(provider.create(REMOTE, { connection, create: "exit 1" }), (error: Error) => {
      assert.equal("metadata" in error, false);
      assert.equal("code" in error && error.code, 2);
      return true;
    });
  });

  test("tells of a failure the whole script and all its output (FACTS 9, CMD commandOutputs.go)", async () => {
    const script = 'echo "out	é"\necho err >&2; exit 3';
    await assert.rejects(provider.create(REMOTE, { connection, create: script }), (error: Error) => {
      const expected = 'Process exited with status 3: running "echo \\"out\\té\\"\\necho err >&2; exit 3":\n';
      assert.equal(error.message.slice(0, expected.length), expected);
      // Which of the two streams comes first is not certain.
      assert.deepEqual(error.message.slice(expected.length).trimEnd().split("\n").sort(), ["err", "out\té"]);
      return true;
    });
  });

  test("tells of a script that was killed (golang.org/x/crypto/ssh Waitmsg)", async () => {
    await assert.rejects(provider.create(REMOTE, { connection, create: "kill -9 $$" }), {
      message: 'Process exited with status 137 from signal KILL: running "kill -9 $$":\n',
    });
  });

  test("keeps inputs as secret as they were, and output plain (FACTS Secrets)", async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "cat",
      stdin: secret("s3cret"),
      environment: secret({ GREETING: "hi" }),
    });
    assert.equal(isSecret(state["connection"]), true);
    assert.deepEqual(state["stdin"], secret("s3cret"));
    assert.deepEqual(state["environment"], secret({ GREETING: "hi" }));
    // That is what additionalSecretOutputs is for, which is the engine's work.
    assert.equal(state["stdout"], "s3cret");
  });

  test("dials anew for each command and asks for no terminal (FACTS 14)", async () => {
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

  test("ends only when nobody holds the session's output (FACTS 15)", async () => {
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

  test("runs `create` where there is no `update`: a new address re-runs it (FACTS table and 1)", async () => {
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
  test("runs `delete` from the old state, over the old connection (FACTS table)", async () => {
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

  test("fails when the machine is gone: what deletedWith is for (FACTS 4)", async () => {
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

describe("environment", () => {
  test("reaches a command whose server takes it (FACTS 10)", async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "echo $GREETING",
      environment: { GREETING: "hello" },
    });
    assert.equal(state["stdout"], "hello");
  });

  test("fails on a server that refuses it, and nothing runs (FACTS 10)", async () => {
    const create = "touch ran";
    await assert.rejects(provider.create(REMOTE, { connection, create, environment: { SECRET_NAME: "x" } }), {
      message: 'could not set environment variable "SECRET_NAME": ssh: setenv failed',
    });
    assert.equal(existsSync(join(host.folder, "ran")), false);
    assert.ok(
      provider.engine.lines.some((line) => line.severity === "error" && line.message.includes("SECRET_NAME")),
    );
  });

  test("offers the previous output, and a refusal is only a warning (FACTS 10)", async () => {
    const inputs = {
      connection,
      create: "echo out; echo err >&2",
      update: 'echo "[$PULUMI_COMMAND_STDOUT]"',
    };
    const state = await provider.create(REMOTE, inputs);
    const next = await provider.update(REMOTE, state, inputs);
    assert.equal(next["stdout"], "[out]");
    assert.deepEqual(host.executed[1]?.environment, { PULUMI_COMMAND_STDOUT: "out" });
    const warnings = provider.engine.lines.filter((line) => line.severity === "warning");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? "", /PULUMI_COMMAND_STDERR/);
  });

  test("keeps the previous output to itself when told so (FACTS 10)", async () => {
    const inputs = { connection, create: "echo out", addPreviousOutputInEnv: false };
    const state = await provider.create(REMOTE, inputs);
    await provider.update(REMOTE, state, inputs);
    assert.deepEqual(host.executed[1]?.environment, {});
  });
});

describe("logging", () => {
  const modes: Record<string, string[]> = {
    none: [],
    stdout: ["out"],
    stderr: ["err"],
    stdoutAndStderr: ["err", "out"],
  };
  const create = "echo out; echo err >&2";
  for (const [logging, expected] of Object.entries(modes)) {
    test(`${logging}: ${expected.join(" and ") || "nothing"} (CMD logging.go)`, async () => {
      const state = await provider.create(REMOTE, { connection, create, logging });
      assert.deepEqual(provider.engine.messagesAbout(urnOf(REMOTE)).sort(), expected);
      // What is captured does not depend on what is logged.
      assert.equal(`${String(state["stdout"])} ${String(state["stderr"])}`, "out err");
    });
  }

  test("by default streams both while the command runs, as passing remarks (CMD util.go)", async () => {
    const running = provider.create(REMOTE, { connection, create: "echo first; sleep 1; echo; printf last" });
    await until(() => provider.engine.lines.length > 0);
    const first = provider.engine.lines[0];
    assert.deepEqual([first?.message, first?.severity, first?.ephemeral], ["first", "info", true]);
    assert.equal(first?.urn, urnOf(REMOTE));
    await running;
    assert.ok(performance.now() - first.at >= 700, "the first line came when the command had ended");
    assert.deepEqual(provider.engine.messagesAbout(urnOf(REMOTE)), ["first", "", "last"]);
  });

  // The real provider hangs for ever on such a line (FACTS 8); the stand-in need not copy that.
  test("a line over 64 KiB passes", { skip: isReal }, async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "head -c 200000 /dev/zero | tr '\\0' x",
    });
    assert.equal(String(state["stdout"]).length, 200_000);
  });
});

test("stdin far larger than an SSH window arrives whole", async () => {
  const stdin = "0123456789abcdef".repeat(192 * 1024);
  const state = await provider.create(REMOTE, { connection, create: "wc -c", stdin });
  assert.equal(String(state["stdout"]).trim(), String(stdin.length));
});

test("a custom timeout does not end a remote command (FACTS 7)", async () => {
  const state = await provider.create(REMOTE, { connection, create: "sleep 1.5; echo done" }, { timeout: 1 });
  assert.equal(state["stdout"], "done");
});

test("commands run side by side", async () => {
  const started = performance.now();
  await Promise.all(
    Array.from({ length: 8 }, () => provider.create(REMOTE, { connection, create: "sleep 0.5" })),
  );
  assert.ok(performance.now() - started < 3_500);
});
