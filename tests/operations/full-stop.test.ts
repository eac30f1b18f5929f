/** TLS between the brokers of a running stack, on and off by a full stop: refused, killed, gone on with, and nothing lost. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { tail } from "../../testbed/stacks/running-up.ts";
import { reachesBroker, spokenByTls, withoutTls } from "../support/inter-node.ts";
import { readSystem } from "../../testbed/chaos/suite.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "fs", net: 130 }));
const [first = "", second = "", third = ""] = lab.brokers;
const block = (interNode: boolean): string => `  rabbitmq-ha:tls: ${JSON.stringify({ interNode })}`;
/** How long clients may find no broker, in milliseconds: a planned stop, and one with a killed run between. */
const plannedMs = 90_000;
const killedMs = 240_000;

const started = (hosts: readonly string[]): Promise<string[]> =>
  Promise.all(hosts.map((host) => lab.runOn(host, "systemctl show -p InvocationID rabbitmq-server")));

/** Brings the lab up with this, whatever an earlier test has left; where it is so already, no broker stops. */
async function ensure(interNode: boolean): Promise<void> {
  const isNew = (await lab.resources()).length === 0;
  await lab.configure(block(interNode));
  await lab.runOrThrow("up", ...(isNew ? [] : ["--full-stop"]));
}

/** Checks that all brokers and the tools on their hosts speak so, and that nothing is left to do. */
async function assertAllSpeak(byTls: boolean, output: string): Promise<void> {
  assert.equal(spokenByTls(output), byTls ? 3 : 0, tail(output));
  assert.match(output, /is healthy/, tail(output));
  // The files that Pulumi writes are those that the brokers have started with.
  assert.doesNotMatch(output, /restarts with its changed configuration/, tail(output));
  for (const host of lab.brokers) {
    assert.equal(await reachesBroker(lab, host, ""), true, host);
    assert.equal(await reachesBroker(lab, host, withoutTls), !byTls, host);
  }
  await lab.runOrThrow("up", "--expect-no-changes");
}

async function changeUnderLoad(
  context: TestContext,
  {
    byTls,
    name,
    toleratedMs,
  }: { readonly byTls: boolean; readonly name: string; readonly toleratedMs: number },
  change: () => Promise<string>,
): Promise<void> {
  const system = await readSystem(lab);
  let output = "";
  const traffic = await underLoad(
    system,
    name,
    async () => {
      output = await change();
    },
    toleratedMs,
  );
  await assertAllSpeak(byTls, output);
  context.diagnostic(
    `${name}: ${traffic.confirmed} confirmed, none lost; longest time without any confirm ${Math.round(traffic.longestSilenceMs)} ms; ` +
      (/after \d+ s/.exec(output)?.[0] ?? ""),
  );
}

test("without the flag it is refused, and with it as long as a broker's host is off: no broker is stopped", async () => {
  await ensure(false);
  const others = [first, third];
  const before = await started(others);
  await lab.configure(block(true));
  for (const script of ["preview", "up"]) {
    const { code, output } = await lab.npm(script);
    assert.equal(code, 1);
    assert.match(output, /nothing was done.*npm run up -- --full-stop --stack/, tail(output));
  }
  const previewed = await lab.runOrThrow("preview", "--full-stop");
  assert.match(previewed, new RegExp(`would stop one after the other: ${third}, ${second}, ${first}`));
  await powerOff(second);
  const { code, output } = await lab.npm("up", "--full-stop");
  await powerOn(second);
  assert.equal(code, 1);
  assert.match(output, new RegExp(`nothing was done[^]*${second}: `), tail(output));
  assert.deepEqual(await started(others), before);
  await lab.runOn(
    second,
    "timeout 120 bash -c 'until rabbitmqctl -q await_startup; do sleep 1; done' </dev/null",
  );
});

test("on, killed while brokers are stopped: no broker starts apart, and the same command goes on", async (context) => {
  await ensure(false);
  await changeUnderLoad(context, { byTls: true, name: "on", toleratedMs: killedMs }, async () => {
    await lab.configure(block(true));
    const run = await lab.upUntil(new RegExp(`${second} is stopped`), "--full-stop");
    run.kill();
    const refused = await lab.npm("up");
    assert.equal(refused.code, 1);
    assert.match(refused.output, /npm run up -- --full-stop/, tail(refused.output));
    await lab.runOn(third, "systemctl --no-block start rabbitmq-server && sleep 5");
    assert.match(await lab.runOn(third, "systemctl show -p ActiveState rabbitmq-server"), /activating/);
    // Debian's unit has a file of its own for what is said before the start.
    const said = "tail -n 20 /var/log/rabbitmq/rabbitmq-server.log; journalctl -u rabbitmq-server -n 20";
    assert.match(await lab.runOn(third, said), /since a full stop is under way/);
    const verified = await lab.npm("verify");
    assert.match(
      verified.output,
      new RegExp(`^inter-node +${third} +FAILED .*a full stop is under way`, "m"),
    );
    return lab.runOrThrow("up", "--full-stop");
  });
});

test("off again: all brokers stop once, and briefly", async (context) => {
  await ensure(true);
  await changeUnderLoad(context, { byTls: false, name: "off", toleratedMs: plannedMs }, async () => {
    await lab.configure(block(false));
    return lab.runOrThrow("up", "--full-stop");
  });
});

test("killed when the brokers are changed and start: the same command stops none again", async (context) => {
  await ensure(false);
  await changeUnderLoad(context, { byTls: true, name: "late", toleratedMs: killedMs }, async () => {
    await lab.configure(block(true));
    const run = await lab.upUntil(/start: /, "--full-stop");
    run.kill();
    const output = await lab.runOrThrow("up", "--full-stop");
    assert.doesNotMatch(output, /is stopped/, tail(output));
    return output;
  });
});
