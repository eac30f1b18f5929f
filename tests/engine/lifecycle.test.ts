/**
 * When the plug-ins end.
 *
 * Sources: pulumi/pulumi 3.259 sdk/go/common/util/rpcutil/health.go and
 * sdk/go/common/resource/plugin/plugin.go, which interrupts a plug-in and kills it five seconds later.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { LanguageHost } from "./language-client.ts";
import { isAlive, usesRealPlugins, waitUntil } from "./plugins.ts";
import { LOCAL, Provider, REMOTE } from "./provider.ts";
import { newKey } from "./ssh-keys.ts";
import { SshServer } from "./ssh-server.ts";
import { secret } from "./values.ts";

// The real plug-ins check only every five minutes whether the engine is alive.
const onlyStandIns = { skip: usesRealPlugins, timeout: 20_000 };

describe("when the engine is gone", () => {
  test("the provider and its running local command end", onlyStandIns, async (t) => {
    const provider = await Provider.launch();
    t.after(() => provider.stop());
    const running = provider.create(LOCAL, { create: "sleep 30 & echo $!; wait" }).catch(() => undefined);
    await waitUntil(() => provider.engine.lines.length > 0);
    const sleepPid = Number(provider.engine.lines[0]?.message);
    assert.equal(isAlive(sleepPid), true);
    const ended = once(provider.plugin.process, "exit");
    provider.engine.stop();
    await ended;
    await waitUntil(() => !isAlive(sleepPid));
    await running;
  });

  test("the provider closes its SSH connections", onlyStandIns, async (t) => {
    const key = newKey();
    const server = await SshServer.start({ keys: [key.public] });
    t.after(() => server.stop());
    const provider = await Provider.launch();
    t.after(() => provider.stop());
    const connection = secret({ host: "127.0.0.1", port: server.port, privateKey: key.private });
    const running = provider
      .create(REMOTE, { connection, create: "echo on; sleep 30" })
      .catch(() => undefined);
    await waitUntil(() => provider.engine.lines.length > 0);
    provider.engine.stop();
    await waitUntil(() => server.connections === 0);
    await running;
  });

  test("the language host and its running program end", onlyStandIns, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "language-gone-"));
    writeFileSync(
      join(folder, "runner.cjs"),
      "console.log('pid', process.pid, '.'); setTimeout(() => {}, 15_000)",
    );
    const host = await LanguageHost.launch({
      env: { PULUMI_LANGUAGE_NODEJS_RUN_PATH: join(folder, "runner.cjs") },
    });
    t.after(async () => {
      await host.stop();
      rmSync(folder, { recursive: true });
    });
    const running = host.run(folder).catch(() => undefined);
    const pid = /pid (\d+) \./;
    await waitUntil(() => pid.test(host.plugin.output()));
    const program = Number(pid.exec(host.plugin.output())?.[1]);
    const ended = once(host.plugin.process, "exit");
    host.engine.stop();
    await ended;
    await waitUntil(() => !isAlive(program));
    await running;
  });
});

describe("an interrupt", () => {
  test(
    "ends an idle provider and an idle language host well within five seconds",
    { timeout: 20_000 },
    async (t) => {
      for (const plugin of [await Provider.launch(), await LanguageHost.launch()]) {
        t.after(() => plugin.stop());
        await plugin.version();
        const started = performance.now();
        const ended = once(plugin.plugin.process, "exit");
        plugin.plugin.process.kill("SIGINT");
        assert.deepEqual(await ended, [null, "SIGINT"]);
        assert.ok(performance.now() - started < 4_000);
      }
    },
  );

  test("ends on SIGINT while a connection stays open", onlyStandIns, async (t) => {
    const provider = await Provider.launch();
    t.after(() => provider.stop());
    await provider.version();
    const connection = connect(Number(provider.plugin.address.split(":").at(-1)), "127.0.0.1");
    t.after(() => connection.destroy());
    connection.on("error", () => undefined);
    await once(connection, "connect");
    const started = performance.now();
    const ended = once(provider.plugin.process, "exit");
    provider.plugin.process.kill("SIGINT");
    assert.deepEqual(await ended, [null, "SIGINT"]);
    assert.ok(performance.now() - started < 4_000);
  });

  // It ends the real provider at once; the engine sends it when all operations are done.
  test("lets a running command finish, so that its state is recorded", onlyStandIns, async (t) => {
    const provider = await Provider.launch();
    t.after(() => provider.stop());
    const running = provider.create(LOCAL, { create: "echo begun; sleep 1; echo done" });
    await waitUntil(() => provider.engine.lines.length > 0);
    const ended = once(provider.plugin.process, "exit");
    provider.plugin.process.kill("SIGINT");
    assert.equal((await running)["stdout"], "begun\ndone");
    await ended;
  });
});
