/** The ledger of a load: lost messages, duplicates, and times without confirms. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { findGaps, messageIdOf, Ledger, rangesByPublisher } from "../../../testbed/chaos/ledger.ts";

function ledger(times: Readonly<Record<string, readonly number[]>>): Ledger {
  const record = new Ledger(Object.keys(times));
  for (const [name, each] of Object.entries(times)) {
    each.forEach((at, sequence) => {
      record.confirm(name, sequence, at);
    });
  }
  return record;
}

test("a confirmed message that was not received is lost; an unconfirmed one is not", () => {
  const record = ledger({ a: [1, 2, 3] });
  record.receive(messageIdOf("a", 0));
  record.receive(messageIdOf("a", 2));
  record.receive(messageIdOf("a", 7));
  assert.deepEqual(record.balance(), { confirmed: 3, lost: ["a/1"], duplicates: 0, returned: 0 });
});

test("every delivery after the first is a duplicate; a second confirm is not", () => {
  const record = ledger({ a: [1] });
  record.confirm("a", 0, 2);
  record.countReturned();
  for (let count = 0; count < 3; count += 1) record.receive(messageIdOf("a", 0));
  assert.deepEqual(record.balance(), { confirmed: 1, lost: [], duplicates: 2, returned: 1 });
});

test("the same sequence number from two publishers is two messages", () => {
  const record = ledger({ a: [1], b: [1] });
  record.receive(messageIdOf("b", 0));
  assert.deepEqual(record.balance().lost, ["a/0"]);
});

test("lost messages are told as ranges, for each publisher", () => {
  const ids = [3, 4, 5, 8, 10, 11].map((sequence) => messageIdOf("a/b", sequence));
  assert.deepEqual(
    [...rangesByPublisher([...ids, messageIdOf("c", 0)])],
    [
      ["a/b", "3-5, 8, 10-11"],
      ["c", "0"],
    ],
  );
  assert.deepEqual([...rangesByPublisher([])], []);
});

test("only the part of a gap within the span counts", () => {
  const record = ledger({ a: [0, 100, 5000, 5100] });
  assert.equal(record.longestGapMs({ from: 0, to: 5100 }), 4900);
  assert.equal(record.longestGapMs({ from: 3000, to: 6000 }), 2000);
  assert.equal(record.longestGapMs({ from: 1000, to: 2000 }), 1000);
});

test("the time after the last confirm is a gap, and a span without confirms is one gap", () => {
  assert.equal(ledger({ a: [0, 100] }).longestGapMs({ from: 0, to: 3000 }), 2900);
  assert.equal(ledger({ a: [] }).longestGapMs({ from: 500, to: 3000 }), 2500);
  assert.equal(ledger({ a: [9000] }).longestGapMs({ from: 500, to: 3000 }), 2500);
});

test("a publisher that hangs is a gap, but no silence while another one continues", () => {
  const every100 = Array.from({ length: 51 }, (_, index) => index * 100);
  const record = ledger({ a: [0, 5000], b: every100 });
  assert.equal(record.longestGapMs({ from: 0, to: 5000 }), 5000);
  assert.equal(record.longestSilenceMs({ from: 0, to: 5000 }), 100);
});

test("time standing still is the sum of the worst publisher's long gaps", () => {
  // a: 2 s, 0.9 s, 3 s. b: 4 s and then, to the end, 1.9 s.
  const record = ledger({ a: [0, 2000, 2900, 5900], b: [0, 4000] });
  assert.equal(record.stoodStillMs({ from: 0, to: 5900 }), 5900);
  assert.equal(record.stoodStillMs({ from: 0, to: 4500 }), 4000);
  assert.equal(ledger({ a: [0, 2000, 2900, 5900] }).stoodStillMs({ from: 0, to: 5900 }), 5000);
});

test("the gaps of a span cover exactly the span", () => {
  const times = fc.array(fc.nat(10_000)).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(times, fc.nat(5000), fc.nat(5000), (each, from, length) => {
      const span = { from, to: from + length + 1 };
      const found = findGaps(each, span);
      const covered = found.reduce(
        (sum, gap) => sum + Math.min(gap.to, span.to) - Math.max(gap.from, span.from),
        0,
      );
      assert.equal(covered, span.to - span.from);
    }),
  );
});
