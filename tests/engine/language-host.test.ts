/**
 * How the language host runs a program.
 *
 * Sources: pulumi/pulumi 3.259 sdk/nodejs/cmd/pulumi-language-nodejs/main.go, and cmd/run of
 * @pulumi/pulumi for the flags and variables that it reads.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { isAlive, waitUntil } from "./plugins.ts";
import { LanguageHost } from "./language-client.ts";

let host: LanguageHost;
let folder: string;
let runner: string;

before(async () => {
  // Node runs this instead of @pulumi/pulumi/cmd/run, as in Pulumi's own tests.
  runner = mkdtempSync(join(tmpdir(), "language-runner-"));
  writeFileSync(
    join(runner, "runner.cjs"),
    `const { argv, env, execArgv, pid } = process;
     require("node:fs").writeFileSync(argv[argv.indexOf("--pwd") + 1] + "/seen.json",
       JSON.stringify({ argv: argv.slice(2), env, execArgv, pid }));
     require(argv[argv.indexOf("--pwd") + 1] + "/program.cjs");`,
  );
  host = await LanguageHost.launch({ env: { PULUMI_LANGUAGE_NODEJS_RUN_PATH: join(runner, "runner.cjs") } });
});
after(async () => {
  await host.stop();
  rmSync(runner, { recursive: true });
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "language-program-"));
  program("");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function program(text: string): void {
  writeFileSync(join(folder, "program.cjs"), text);
}

interface RunRecord {
  readonly argv: string[];
  readonly env: Record<string, string>;
  readonly execArgv: string[];
  readonly pid: number;
}

function readRunRecord(): RunRecord {
  return JSON.parse(readFileSync(join(folder, "seen.json"), "utf8")) as RunRecord;
}

describe("a program", () => {
  test("receives project, stack, engine and folder as flags", async () => {
    assert.deepEqual(await host.run(folder, { args: ["one", "two"] }), { error: "", bail: false });
    const { argv } = readRunRecord();
    const flags = {
      "--engine": host.engine.address,
      "--organization": "organization",
      "--project": "project",
      "--stack": "stack",
      "--pwd": folder,
      "--root-directory": folder,
      "--parallel": "8",
    };
    for (const [flag, value] of Object.entries(flags)) {
      assert.equal(argv[argv.indexOf(flag) + 1], value, flag);
    }
    // The real host passes the address of its own proxy.
    assert.match(argv[argv.indexOf("--monitor") + 1] ?? "", /^127\.0\.0\.1:\d+$/);
    assert.equal(argv.includes("--dry-run"), false);
    assert.deepEqual(argv.slice(-3), ["index.js", "one", "two"]);
  });

  test("receives a flag in a preview", async () => {
    await host.run(folder, { dryRun: true });
    assert.ok(readRunRecord().argv.includes("--dry-run"));
  });

  test("receives configuration in the variables that the SDK reads", async () => {
    await host.run(folder, { config: { "project:a": "1", "aws:region": "eu" }, secretKeys: ["project:a"] });
    const { env } = readRunRecord();
    assert.deepEqual(JSON.parse(env["PULUMI_CONFIG"] ?? ""), {
      "project:config:a": "1",
      "aws:config:region": "eu",
    });
    assert.equal(env["PULUMI_CONFIG_SECRET_KEYS"], '["project:a"]');
  });

  test("receives an empty configuration if there is none", async () => {
    await host.run(folder);
    assert.equal(readRunRecord().env["PULUMI_CONFIG"], "{}");
    assert.equal(readRunRecord().env["PULUMI_CONFIG_SECRET_KEYS"], "[]");
  });

  test("runs with ts-node, or without it if runtime.options turn TypeScript off", async () => {
    await host.run(folder);
    assert.equal(readRunRecord().env["PULUMI_NODEJS_TYPESCRIPT"], undefined);
    await host.run(folder, { options: { typescript: true, tsconfig: "x.json" } });
    assert.equal(readRunRecord().env["PULUMI_NODEJS_TYPESCRIPT"], "true");
    assert.equal(readRunRecord().env["PULUMI_NODEJS_TSCONFIG_PATH"], "x.json");
  });

  test("runs with Node's arguments from runtime.options", async () => {
    await host.run(folder, { options: { nodeargs: "--no-warnings '--title=a b'" } });
    assert.deepEqual(readRunRecord().execArgv, ["--no-warnings", "--title=a b"]);
  });

  test("writes to the host's own output", async () => {
    program("console.log('to stdout'); console.error('to stderr')");
    await host.run(folder);
    await waitUntil(
      () => host.plugin.output().includes("to stdout") && host.plugin.output().includes("to stderr"),
    );
  });
});

describe("the end of a program", () => {
  test("with exit code 32 means that the error has been reported", async () => {
    program("process.exit(32)");
    assert.deepEqual(await host.run(folder), { error: "", bail: true });
  });

  test("with another exit code is an error", async () => {
    program("process.exit(3)");
    assert.deepEqual(await host.run(folder), {
      error: "Program exited with non-zero exit code: 3",
      bail: false,
    });
  });

  test("by a signal is an error", async () => {
    program("process.kill(process.pid, 'SIGKILL')");
    assert.deepEqual(await host.run(folder), {
      error: "Program exited with non-zero exit code: -1",
      bail: false,
    });
  });

  test("follows Cancel", async () => {
    program("console.log('running'); setTimeout(() => {}, 15_000)");
    const running = host.run(folder);
    await waitUntil(() => host.plugin.output().endsWith("running\n"));
    const { pid } = readRunRecord();
    await host.cancel();
    assert.notEqual((await running).error, "");
    assert.equal(isAlive(pid), false);
  });
});

test("a runtime option of the wrong type is an error", async () => {
  assert.deepEqual(await host.run(folder, { options: { typescript: "no" } }), {
    error: "typescript option must be a boolean",
    bail: false,
  });
});

test("a program without the SDK fails with an error that names the SDK", async (t) => {
  const own = await LanguageHost.launch();
  t.after(() => own.stop());
  const { error } = await own.run(folder);
  assert.match(error, /Pulumi SDK/);
});

test("reports its version, which is empty in a build without one, and Node's", async () => {
  assert.match(await host.version(), /^(v?3\..*)?$/);
  assert.match((await host.about()).version, /^v\d+\./);
});
