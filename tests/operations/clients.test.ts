/** The example clients, unchanged: brokers are restarted while they run, and every number arrives. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { root } from "../../testbed/stacks/trial-stack.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "u", net: 75 }), {
  release: () => {
    for (const child of running) child.kill();
  },
});
const count = 1500;
/** How long it may take until all numbers have arrived, with faults in between. */
const timeoutMs = 180_000;
const running: ChildProcess[] = [];

/** A running example. */
interface Example {
  readonly child: ChildProcess;
  /** The lines on its standard output. */
  readonly lines: () => string[];
  /** Its standard error. */
  readonly said: () => string;
}

async function start(name: string, ...args: string[]): Promise<Example> {
  const env = { ...process.env, AMQP_URI: String(await lab.output("amqpUri")) };
  const child = spawn(process.execPath, [join(root, "examples", "client", `${name}.ts`), ...args], { env });
  running.push(child);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return { child, lines: () => output.trim().split("\n"), said: () => errors };
}

async function until(what: string, good: () => boolean): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!good()) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test("the example clients lose no number while a broker is restarted and another one loses power", async (context) => {
  await lab.ensureUp("");
  const consumer = await start("consume");
  const publisher = await start("publish", String(count));
  await until("the first numbers", () => consumer.lines().length > 50);
  const [first = "", second = ""] = lab.brokers;
  await lab.runOn(first, "systemctl restart rabbitmq-server");
  await powerOff(second);
  await powerOn(second);
  const [code] = (await once(publisher.child, "exit")) as [number | null];
  assert.equal(code, 0, publisher.said());
  await until(`all numbers: ${consumer.said()}`, () => consumer.lines().length >= count);
  consumer.child.kill("SIGTERM");
  await once(consumer.child, "exit");

  const numbers = Array.from({ length: count }, (_, index) => String(index + 1));
  const ascending = (lines: string[]): string[] => lines.sort((a, b) => Number(a) - Number(b));
  assert.deepEqual(ascending(publisher.lines()), numbers, "every number was confirmed");
  assert.deepEqual(ascending(consumer.lines()), numbers, "every number was consumed");
  assert.match(
    publisher.said() + consumer.said(),
    /connection lost/,
    "no connection was lost by the restarts",
  );
  context.diagnostic(publisher.said() + consumer.said());
});
