/** The books of a load: what is lost, what came twice, and how long nothing was confirmed. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { gaps, idOf, Ledger } from "../../../testbed/chaos/ledger.ts";

function ledger(times: Readonly<Record<string, readonly number[]>>): Ledger {
  const books = new Ledger(Object.keys(times));
  for (const [name, each] of Object.entries(times)) {
    each.forEach((at, sequence) => {
      books.confirm(name, sequence, at);
    });
  }
  return books;
}

test("a confirmed message that nobody received is lost, one that was not confirmed is not", () => {
  const books = ledger({ a: [1, 2, 3] });
  books.receive(idOf("a", 0));
  books.receive(idOf("a", 2));
  books.receive(idOf("a", 7));
  assert.deepEqual(books.balance(), { confirmed: 3, lost: ["a/1"], duplicates: 0, returned: 0 });
});

test("every delivery beyond the first is a duplicate, and a second confirm is none", () => {
  const books = ledger({ a: [1] });
  books.confirm("a", 0, 2);
  books.giveBack();
  for (let count = 0; count < 3; count += 1) books.receive(idOf("a", 0));
  assert.deepEqual(books.balance(), { confirmed: 1, lost: [], duplicates: 2, returned: 1 });
});

test("the same number of two publishers is two messages", () => {
  const books = ledger({ a: [1], b: [1] });
  books.receive(idOf("b", 0));
  assert.deepEqual(books.balance().lost, ["a/0"]);
});

test("a gap counts only as far as it lies within the span", () => {
  const books = ledger({ a: [0, 100, 5000, 5100] });
  assert.equal(books.longestGap({ from: 0, to: 5100 }), 4900);
  assert.equal(books.longestGap({ from: 3000, to: 6000 }), 2000);
  assert.equal(books.longestGap({ from: 1000, to: 2000 }), 1000);
});

test("no confirm after the last one is a gap to the end, and none at all is one gap", () => {
  assert.equal(ledger({ a: [0, 100] }).longestGap({ from: 0, to: 3000 }), 2900);
  assert.equal(ledger({ a: [] }).longestGap({ from: 500, to: 3000 }), 2500);
  assert.equal(ledger({ a: [9000] }).longestGap({ from: 500, to: 3000 }), 2500);
});

test("one publisher that hangs is a gap, and no silence while another one goes on", () => {
  const every100 = Array.from({ length: 51 }, (_, index) => index * 100);
  const books = ledger({ a: [0, 5000], b: every100 });
  assert.equal(books.longestGap({ from: 0, to: 5000 }), 5000);
  assert.equal(books.longestSilence({ from: 0, to: 5000 }), 100);
});

test("standing still is the sum of a publisher's long gaps, of the one that fares worst", () => {
  // a: 2 s, 0.9 s, 3 s. b: 4 s and then, to the end, 1.9 s.
  const books = ledger({ a: [0, 2000, 2900, 5900], b: [0, 4000] });
  assert.equal(books.stoodStill({ from: 0, to: 5900 }), 5900);
  assert.equal(books.stoodStill({ from: 0, to: 4500 }), 4000);
  assert.equal(ledger({ a: [0, 2000, 2900, 5900] }).stoodStill({ from: 0, to: 5900 }), 5000);
});

test("the gaps of a span cover it, and no one of them lies outside", () => {
  const times = fc.array(fc.nat(10_000)).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(times, fc.nat(5000), fc.nat(5000), (each, from, length) => {
      const span = { from, to: from + length + 1 };
      const found = gaps(each, span);
      const covered = found.reduce(
        (sum, gap) => sum + Math.min(gap.to, span.to) - Math.max(gap.from, span.from),
        0,
      );
      assert.equal(covered, span.to - span.from);
    }),
  );
});
