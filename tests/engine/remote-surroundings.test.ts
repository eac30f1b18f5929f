/**
 * The environment, log and limits of a remote.Command.
 *
 * Sources: FACTS = the table and the numbered points on remote.Command, CMD = pulumi/pulumi-command
 * 1.2.1 provider/pkg/provider/remote, GP = pulumi/pulumi-go-provider infer/resource.go.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { usesRealPlugins, waitUntil } from "./plugins.ts";
import { Provider, REMOTE, urnOf } from "./provider.ts";
import { newKey } from "./ssh-keys.ts";
import { SshServer } from "./ssh-server.ts";
import { secret, type Value } from "./values.ts";

const key = newKey();
let provider: Provider;
let host: SshServer;
let connection: Value;

before(async () => {
  provider = await Provider.launch();
  host = await SshServer.start({ keys: [key.public], acceptEnv: ["GREETING", "PULUMI_COMMAND_STDOUT"] });
  connection = secret({ host: "127.0.0.1", port: host.port, privateKey: key.private, dialErrorLimit: 0 });
});
after(async () => {
  await provider.stop();
  await host.stop();
});
beforeEach(() => {
  host.executed.length = 0;
  provider.engine.lines.length = 0;
});

describe("environment", () => {
  test("is set for the command if the server accepts it (FACTS 10)", async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "echo $GREETING",
      environment: { GREETING: "hello" },
    });
    assert.equal(state["stdout"], "hello");
  });

  test("fails the command if the server refuses it, and nothing runs (FACTS 10)", async () => {
    const create = "touch ran";
    await assert.rejects(provider.create(REMOTE, { connection, create, environment: { SECRET_NAME: "x" } }), {
      message: 'could not set environment variable "SECRET_NAME": ssh: setenv failed',
    });
    assert.equal(existsSync(join(host.folder, "ran")), false);
    assert.ok(
      provider.engine.lines.some((line) => line.severity === "error" && line.message.includes("SECRET_NAME")),
    );
  });

  test("has the previous output, whose refusal is only a warning (FACTS 10)", async () => {
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

  test("lacks the previous output with addPreviousOutputInEnv: false (FACTS 10)", async () => {
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
      assert.deepEqual([state["stdout"], state["stderr"]], ["out", "err"]);
    });
  }

  test("by default streams both while the command runs, as ephemeral lines (CMD util.go)", async () => {
    const running = provider.create(REMOTE, { connection, create: "echo first; sleep 1; echo; printf last" });
    await waitUntil(() => provider.engine.lines.length > 0);
    const first = provider.engine.lines[0];
    assert.deepEqual([first?.message, first?.severity, first?.ephemeral], ["first", "info", true]);
    assert.equal(first?.urn, urnOf(REMOTE));
    await running;
    assert.ok(performance.now() - first.at >= 700, "the first line came when the command had ended");
    assert.deepEqual(provider.engine.messagesAbout(urnOf(REMOTE)), ["first", "", "last"]);
  });

  // The real provider hangs for ever on such a line (FACTS 8); the stand-in does not copy that.
  test("a line over 64 KiB is logged like any other", { skip: usesRealPlugins }, async () => {
    const state = await provider.create(REMOTE, {
      connection,
      create: "head -c 200000 /dev/zero | tr '\\0' x",
    });
    assert.equal(state["stdout"], "x".repeat(200_000));
  });
});

test("stdin far larger than an SSH window arrives completely", async () => {
  const stdin = "0123456789abcdef".repeat(192 * 1024);
  const state = await provider.create(REMOTE, { connection, create: "wc -c", stdin });
  assert.equal(state["stdout"], String(stdin.length));
});

test("a custom timeout does not end a remote command (FACTS 7)", async () => {
  const state = await provider.create(REMOTE, { connection, create: "sleep 1.5; echo done" }, { timeout: 1 });
  assert.equal(state["stdout"], "done");
});

test("commands run concurrently", async () => {
  // Each waits until all have begun.
  const create = `echo >>begun; timeout 20 bash -c 'until [ "$(wc -l <begun)" = 8 ]; do sleep 0.1; done'`;
  await Promise.all(Array.from({ length: 8 }, () => provider.create(REMOTE, { connection, create })));
});
