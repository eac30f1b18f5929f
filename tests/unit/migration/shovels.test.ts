/** What carries a queue's messages, and for how long clients would wait. */
import assert from "node:assert/strict";
import test from "node:test";
import { readHeld, readFenced, readStackNote } from "../../../migration/broker-answers.ts";
import { estimateGap, type Rates, updateRates } from "../../../migration/gap.ts";
import { areEmpty, type Held, type QueueCount } from "../../../migration/queue-counts.ts";
import { returnQueue } from "../../../migration/returned-queue.ts";
import {
  carryExchange,
  carryPassword,
  carryShovel,
  carryUsers,
  shovelName,
} from "../../../migration/shovels.ts";

const queue = { vhost: "/shop a", name: "orders" };
const args = {
  source: { addresses: ["10.0.0.1", "10.0.0.2"], port: 5673 },
  target: undefined,
  secret: "s",
  isLate: false,
  upTo: undefined,
};

test("a shovel fetches from each broker of the source, and acknowledges what is confirmed", () => {
  const { vhost, name, component, value } = carryShovel(queue, args);
  const given = value as Readonly<Record<string, unknown>>;
  assert.deepEqual([vhost, name, component], ["/shop a", "rabbitmq-ha-migration.orders", "shovel"]);
  const password = carryPassword("s", "rabbitmq-ha-migration");
  assert.deepEqual(
    given["src-uri"],
    args.source.addresses.map(
      (address) =>
        `amqp://rabbitmq-ha-migration:${password}@${address}:5673/%2Fshop%20a?heartbeat=10&connection_timeout=5000`,
    ),
  );
  assert.equal(given["dest-uri"], "amqp:///%2Fshop%20a");
  assert.equal(given["ack-mode"], "on-confirm");
  assert.equal(given["dest-add-forward-headers"], false);
  // With a key or a queue for the target the message would lose its own routing key.
  assert.ok(
    !("dest-queue" in given) && !("dest-exchange-key" in given) && !("dest-publish-properties" in given),
  );
  const { exchange, binding } = carryExchange(queue);
  assert.equal(given["dest-exchange"], exchange["name"]);
  assert.deepEqual([exchange["type"], exchange["auto_delete"]], ["fanout", true]);
  assert.deepEqual([binding["source"], binding["destination"]], [exchange["name"], "orders"]);
});

test("a stream's shovel begins after what is carried, and never begins again by itself", () => {
  const valueOf = (upTo: number | undefined) =>
    carryShovel(queue, { ...args, upTo }).value as Readonly<Record<string, unknown>>;
  assert.deepEqual(
    [valueOf(-1), valueOf(41)].map((value) => value["src-consumer-args"]),
    [{ "x-stream-offset": 0 }, { "x-stream-offset": 42 }],
  );
  assert.deepEqual(
    [valueOf(undefined), valueOf(-1)].map((value) => value["reconnect-delay"]),
    [1, 0],
  );
  assert.ok(!("src-consumer-args" in valueOf(undefined)));
});

test("one that waits for the fence logs in as another user, with another password", () => {
  const [uri = ""] = (
    carryShovel(queue, { ...args, isLate: true, upTo: undefined }).value as { "src-uri": string[] }
  )["src-uri"];
  assert.match(uri, /^amqp:\/\/rabbitmq-ha-migration-late:/);
  assert.notEqual(carryPassword("s", "a"), carryPassword("s", "b"));
  assert.notEqual(carryPassword("s", "a"), carryPassword("t", "a"));
});

test("users are the same in each run, and have no password in them", () => {
  assert.deepEqual(carryUsers("s"), carryUsers("s"));
  assert.ok(!JSON.stringify(carryUsers("s")).includes(carryPassword("s", "rabbitmq-ha-migration")));
  assert.deepEqual(
    carryUsers("s").map(({ tags }) => tags),
    ["impersonator", "impersonator"],
  );
});

test("a name that is too long is hashed", () => {
  const name = shovelName({ vhost: "/", name: "ä".repeat(127) });
  assert.ok(Buffer.byteLength(name) <= 255);
  assert.notEqual(name, shovelName({ vhost: "/", name: `${"ä".repeat(126)}b` }));
});

test("an answer that lacks something is none, and a silent queue is not empty", () => {
  const row = { vhost: "/", name: "q", messages: 0, consumers: 0 };
  assert.ok(areEmpty(readHeld({ queues: [row], streams: [] }).queues));
  assert.ok(
    !areEmpty(readHeld({ queues: [row, { ...row, name: "r", messages: null }], streams: [] }).queues),
  );
  for (const part of [{}, { queues: [row] }, { streams: [] }]) assert.throws(() => readHeld(part));
  assert.throws(() => readFenced({ queues: [row] }));
  assert.throws(() => readStackNote({ note: '{"phase":"closing"}' }));
  assert.equal(readStackNote({ note: null }), undefined);
});

test("a queue of the new cluster comes back as the old one has its own", () => {
  const found = {
    name: "q",
    vhost: "/",
    durable: true,
    arguments: { "x-queue-type": "quorum", "x-max-length": 5 },
  };
  assert.deepEqual(returnQueue(found), { ...found, type: "classic", arguments: { "x-max-length": 5 } });
});

const heldBy = (...queues: readonly QueueCount[]): Held => ({ queues, streams: [] });

test("the gap follows from the largest queue and from all, at measured rates", () => {
  const counted = (messages: number, name = "q") => ({ key: name, vhost: "/", name, messages, consumers: 0 });
  assert.equal(estimateGap([], {}).seconds, 2);
  assert.equal(estimateGap([counted(4000)], {}).seconds, 6);
  assert.match(estimateGap([counted(4000), counted(9, "r")], {}).slowest, /^q \(4000\)$/);
  const measured = updateRates(updateRates({}, heldBy(counted(0)), 1000), heldBy(counted(8000)), 3000);
  assert.equal(estimateGap([counted(4000)], measured).seconds, 3);
});

test("a queue that does not answer is filled no faster once it does", () => {
  const counted = (messages: number | undefined) => ({
    ...{ key: "q", vhost: "/", name: "q", consumers: 0 },
    messages,
  });
  const counts: readonly (number | undefined)[] = [90_000, undefined, 90_000];
  const measured = counts.reduce<Rates>(
    (rates, count, index) => updateRates(rates, heldBy(counted(count)), 1000 * index),
    {},
  );
  assert.deepEqual([measured.perQueue, measured.together], [0, 0]);
});
