/**
 * What a local.Command runs, and its outputs, failures and end.
 *
 * Sources: CMD = pulumi/pulumi-command 1.2.1 provider/pkg/provider/local, EXEC = Go's os/exec, whose
 * texts the real provider's errors contain.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { isAlive, usesRealPlugins, waitUntil } from "./plugins.ts";
import { LOCAL, Provider, urnOf } from "./provider.ts";
import { isUnknown, secret, type Values } from "./values.ts";

let provider: Provider;
let folder: string;

before(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "local-command-")));
  provider = await Provider.launch({ cwd: folder, env: { INHERITED: "yes" } });
});
after(async () => {
  await provider.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  provider.engine.lines.length = 0;
});

test("a preview runs nothing, and its outputs are unknown", async () => {
  const outputs = await provider.create(LOCAL, { create: "touch previewed" }, { preview: true });
  assert.equal(existsSync(join(folder, "previewed")), false);
  assert.equal(isUnknown(outputs["stdout"]), true);
});

test("runs in the provider's folder with the provider's environment (CMD commandOutputs.go)", async () => {
  const state = await provider.create(LOCAL, { create: "pwd; echo $INHERITED" });
  assert.equal(state["stdout"], `${folder}\nyes`);
});

test("runs in `dir`, with `environment`, `stdin` and `interpreter` (CMD commandOutputs.go)", async () => {
  mkdirSync(join(folder, "below"));
  const state = await provider.create(LOCAL, {
    create: "console.log(process.cwd(), process.env.NAME, fs.readFileSync(0, 'utf8'))",
    dir: join(folder, "below"),
    environment: { NAME: "n", INHERITED: "no" },
    stdin: secret("in"),
    interpreter: [process.execPath, "-e"],
  });
  assert.equal(state["stdout"], `${join(folder, "below")} n in`);
  assert.deepEqual(state["stdin"], secret("in"));
});

test("captures and logs both streams", async () => {
  const state = await provider.create(LOCAL, { create: "echo out; echo err >&2", logging: "stderr" });
  assert.deepEqual([state["stdout"], state["stderr"]], ["out", "err"]);
  assert.deepEqual(provider.engine.messagesAbout(urnOf(LOCAL)), ["err"]);
});

describe("update", () => {
  test("runs `update` with the previous output in its environment (CMD commandController.go)", async () => {
    const inputs = { create: "echo one", update: 'echo "$PULUMI_COMMAND_STDOUT two"' };
    const state = await provider.create(LOCAL, inputs);
    assert.equal((await provider.update(LOCAL, state, inputs))["stdout"], "one two");
  });

  test("runs `create` if there is no `update`, and nothing without either", async () => {
    const state = await provider.create(LOCAL, { create: "echo run >> runs" });
    await provider.update(LOCAL, state, { create: "echo run >> runs", stdin: "x" });
    assert.equal(readFileSync(join(folder, "runs"), "utf8"), "run\nrun\n");
    const next = await provider.update(LOCAL, { ...state, stdout: "kept" }, { delete: "true" });
    assert.equal(next["stdout"], "kept");
  });
});

test("delete runs the `delete` of the old state", async () => {
  const state = await provider.create(LOCAL, {
    create: "echo made",
    delete: "echo $PULUMI_COMMAND_STDOUT > deleted",
  });
  await provider.delete(LOCAL, state);
  assert.equal(readFileSync(join(folder, "deleted"), "utf8"), "made\n");
});

describe("failure", () => {
  const failures: Record<string, [Values, string]> = {
    "an exit code": [{ create: "echo why; exit 4" }, 'exit status 4: running "echo why; exit 4":\nwhy\n'],
    "a signal": [{ create: "kill -TERM $$" }, 'signal: terminated: running "kill -TERM $$":\n'],
    "a missing program": [
      { create: "x", interpreter: ["/nowhere/sh"] },
      'fork/exec /nowhere/sh: no such file or directory: running "x":\n',
    ],
    "a program that is not on the PATH": [
      { create: "x", interpreter: ["no-such-program"] },
      'exec: "no-such-program": executable file not found in $PATH: running "x":\n',
    ],
    "a missing folder": [
      { create: "x", dir: "/nowhere" },
      'chdir /nowhere: no such file or directory: running "x":\n',
    ],
  };
  for (const [name, [inputs, message]] of Object.entries(failures)) {
    test(`reports ${name} (EXEC)`, async () => {
      await assert.rejects(provider.create(LOCAL, inputs), { message });
    });
  }
});

describe("files", () => {
  const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

  before(() => {
    const files = {
      "assets/logos/logo.svg": "logo",
      "src/index.js": "index",
      "src/secret.js": "s",
      "top.txt": "t",
    };
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(folder, "files", path, ".."), { recursive: true });
      writeFileSync(join(folder, "files", path), content);
    }
  });

  test("selected by assetPaths are assets, by path below the folder (CMD base.go)", async () => {
    const dir = join(folder, "files");
    const assetPaths = ["assets/**", "src/**.js", "!**secret.*"];
    const state = await provider.create(LOCAL, { create: "true", dir, assetPaths });
    const assets = state["assets"] as Record<string, Values>;
    assert.deepEqual(Object.keys(assets).sort(), ["assets/logos/logo.svg", "src/index.js"]);
    assert.equal(assets["src/index.js"]?.["hash"], sha256("index"));
    assert.equal(assets["src/index.js"]["path"], join(dir, "src/index.js"));
  });

  test("selected by archivePaths are one archive, with the engine's hash (sdk archive.go)", async () => {
    const dir = join(folder, "archived");
    mkdirSync(join(dir, "sub"), { recursive: true });
    writeFileSync(join(dir, "a.txt"), "a");
    writeFileSync(join(dir, "sub/b.txt"), "hello world\n");
    const state = await provider.create(LOCAL, { create: "true", dir, archivePaths: ["**"] });
    const archive = state["archive"] as Values;
    assert.deepEqual(Object.keys(archive["assets"] as Values).sort(), ["a.txt", "sub/b.txt"]);
    // The hash from archive.FromAssets of Pulumi's Go SDK 3.259 for these two files.
    assert.equal(archive["hash"], "9369cfef2f8295eec89d9e8d720e3f414bec394f8a794644da6003440c552158");
  });
});

describe("the end of a running command", () => {
  test("follows its custom timeout (CMD run, GP middleware/cancel)", async () => {
    const started = performance.now();
    await assert.rejects(provider.create(LOCAL, { create: "exec sleep 20" }, { timeout: 1 }), {
      message: 'signal: killed: running "exec sleep 20":\n',
    });
    assert.ok(performance.now() - started < 10_000);
  });

  // The real provider kills the shell alone, then waits for the process that holds its output: 20 s here.
  test("follows Cancel, as does the end of its child processes", { skip: usesRealPlugins }, async (t) => {
    const own = await Provider.launch({ cwd: folder });
    t.after(() => own.stop());
    const create = "sleep 20 & echo $!; wait; true";
    const ended = assert.rejects(own.create(LOCAL, { create }), /^Error: signal: killed: running /);
    await waitUntil(() => own.engine.lines.length > 0);
    const sleepPid = Number(own.engine.lines[0]?.message);
    assert.equal(isAlive(sleepPid), true);
    const cancelled = performance.now();
    await own.cancel();
    await ended;
    assert.ok(performance.now() - cancelled < 10_000);
    await waitUntil(() => !isAlive(sleepPid));
    // A later operation finds its context cancelled.
    await assert.rejects(own.create(LOCAL, { create: "true" }), {
      message: 'context canceled: running "true":\n',
    });
    await own.stop();
  });
});
