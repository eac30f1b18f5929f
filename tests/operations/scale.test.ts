/** More brokers and fewer, and a machine that died, while clients work. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemOf } from "../../testbed/chaos/suite.ts";
import { powerOff, powerOn } from "../../testbed/labs/hosts.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { tail } from "../../testbed/labs/running.ts";
import { holders } from "../support/copies.ts";
import { contents, publish } from "../support/messages.ts";
import { underLoad } from "../support/traffic.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "z", net: 73, size: 5 }));
const [first = "", second = "", third = "", fourth = "", fifth = ""] = lab.brokers;
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
const types = { mirrored: "classic", quorum: "quorum" } as const;

/** Fills a queue of each type. @param name of the test, the start of its queues' names */
async function fill(name: string): Promise<void> {
  for (const [kind, type] of Object.entries(types)) {
    await publish(await lab.connect(), `${name}-${kind}`, messages, type);
  }
}

/** Runs `up` under load. @returns what it printed */
async function up(name: string, ...flags: string[]): Promise<string> {
  let output = "";
  await underLoad(await systemOf(lab), name, async () => {
    output = await lab.must("up", ...flags);
  });
  assert.match(output, /stack test-z is whole/, tail(output));
  return output;
}

/**
 * Every message of a test's queues is there, with a copy on each of these brokers and on no other one. A quorum queue
 * does not keep the order of messages that were taken and given back.
 */
async function allOn(name: string, ...brokers: readonly string[]): Promise<void> {
  const [teller = ""] = brokers;
  for (const queue of Object.keys(types).map((kind) => `${name}-${kind}`)) {
    assert.deepEqual(await holders(lab, teller, queue), brokers.toSorted(), queue);
    const found = await contents(await lab.connect(), queue);
    assert.deepEqual(found.toSorted(), messages.toSorted(), queue);
  }
}

/** Where a resource's update, creation or deletion ends in the output of `up`. */
function done(output: string, resource: string): number {
  const place = output.search(new RegExp(`command:remote:Command ${resource} (created|updated|replaced) `));
  assert.ok(place >= 0, `${resource} is not in:\n${tail(output, 300)}`);
  return place;
}

test("from three to five: they join, get their copies, and the balancers are told last", async () => {
  await lab.ensureUp("", [first, second, third]);
  await fill("out");
  await lab.configure("");
  const pids = (): Promise<string[]> =>
    Promise.all(
      [first, second, third].map((host) => lab.on(host, "systemctl show -p MainPID rabbitmq-server")),
    );
  const running = await pids();
  const output = await up("out");
  await allOn("out", ...lab.brokers);
  assert.deepEqual(await pids(), running, "a broker was restarted that was there before");
  for (const balancer of lab.balancers) {
    assert.ok(done(output, `haproxy-${balancer}-serving`) > done(output, `${fifth}-member`));
  }
});

test("from five to three, the first broker among those that go: out of the balancers, drained, left, forgotten", async () => {
  await lab.ensureUp("");
  await fill("in");
  await lab.configure("", [second, third, fourth]);
  const output = await up("in");
  for (const gone of [first, fifth]) {
    const words = ["gives up its places", "drains", "stops", "has left"].map((each) =>
      output.indexOf(`${gone}: ${each}`),
    );
    assert.ok(
      words.every((place) => place >= 0),
      tail(output, 300),
    );
    assert.deepEqual(
      words.toSorted((a, b) => a - b),
      words,
    );
    for (const balancer of lab.balancers) {
      assert.ok(done(output, `haproxy-${balancer}-serving`) < (words[0] ?? 0));
    }
  }
  await allOn("in", second, third, fourth);
});

test("a machine that died without warning is replaced", async () => {
  await lab.ensureUp("", [second, third, fourth]);
  await fill("dead");
  const system = await systemOf(lab);
  let output = "";
  await underLoad(system, "dead", async () => {
    await powerOff(third);
    // A new machine is on already; where there is none, the old one is given back, unless it is gone.
    output = await lab.must("up", "--replace", third).finally(() => powerOn(third).catch(() => undefined));
  });
  assert.match(output, new RegExp(`${third}: does not run, so it is forgotten as it is`));
  assert.match(output, /stack test-z is whole/, tail(output));
  await allOn("dead", second, third, fourth);
});

test("a second up changes nothing", async () => {
  await lab.ensureUp();
  await lab.must("up", "--expect-no-changes");
});
