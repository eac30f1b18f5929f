/** More brokers and fewer, and a machine that died, while clients work. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemOf } from "../../chaos/suite.ts";
import { powerOff } from "../../lab/trial/hosts.ts";
import { LabStack } from "../../lab/trial/lab-stack.ts";
import { tail } from "../../lab/trial/running.ts";
import { holders } from "../support/copies.ts";
import { contents, publish } from "../support/messages.ts";
import { underLoad } from "../support/traffic.ts";

const lab = new LabStack({ name: "z", net: 73, size: 5 });
const [first = "", second = "", third = "", fourth = "", fifth = ""] = lab.brokers;
const messages = Array.from({ length: 200 }, (_, index) => `message ${index}`);
before(async () => {
  await lab.open();
  await lab.configure("", [first, second, third]);
  await lab.must("up");
  await publish(await lab.connect(), "mirrored", messages);
  await publish(await lab.connect(), "quorum", messages, "quorum");
});
after(() => lab.close());

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
 * Every message is there, with a copy on each of these brokers and on no other one. A quorum queue does not keep the
 * order of messages that were taken and given back, as the test before did.
 */
async function allOn(...brokers: readonly string[]): Promise<void> {
  const [teller = ""] = brokers;
  for (const queue of ["mirrored", "quorum"]) {
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
  await lab.configure("");
  const pids = (): Promise<string[]> =>
    Promise.all(
      [first, second, third].map((host) => lab.on(host, "systemctl show -p MainPID rabbitmq-server")),
    );
  const running = await pids();
  const output = await up("out");
  await allOn(...lab.brokers);
  assert.deepEqual(await pids(), running, "a broker was restarted that was there before");
  for (const balancer of lab.balancers) {
    assert.ok(done(output, `haproxy-${balancer}-serving`) > done(output, `${fifth}-member`));
  }
});

test("from five to three, the first broker among those that go: out of the balancers, drained, left, forgotten", async () => {
  await lab.configure("", [second, third, fourth]);
  const output = await up("in");
  for (const gone of [first, fifth]) {
    const words = ["drains", "gives up its places", "stops", "has left"].map((each) =>
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
  await allOn(second, third, fourth);
});

test("a machine that died without warning is replaced", async () => {
  const system = await systemOf(lab);
  let output = "";
  await underLoad(system, "dead", async () => {
    await powerOff(third);
    output = await lab.must("up", "--replace", third);
  });
  assert.match(output, new RegExp(`${third}: does not run, so it is forgotten as it is`));
  assert.match(output, /stack test-z is whole/, tail(output));
  await allOn(second, third, fourth);
});

test("a second up changes nothing", async () => {
  await lab.must("up", "--expect-no-changes");
});
