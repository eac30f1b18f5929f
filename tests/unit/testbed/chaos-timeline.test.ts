/** What is read from who held the virtual address and who was served. */
import assert from "node:assert/strict";
import test from "node:test";
import { type Change, mostHolders, unserved, untilOneHolder } from "../../../testbed/chaos/timeline.ts";

const takes = (at: number, host: string): Change => ({ at, host, holds: true });
const leaves = (at: number, host: string): Change => ({ at, host, holds: false });
const span = { from: 1000, to: 9000 };

test("a holder that never changes has been one from the start", () => {
  assert.equal(untilOneHolder([takes(0, "a")], span), 0);
  assert.equal(mostHolders([takes(0, "a")], span), 1);
});

test("the address moved when the other one has it and the first one has it no more", () => {
  assert.equal(untilOneHolder([takes(0, "a"), leaves(1000, "a"), takes(1600, "b")], span), 600);
  const overlapping = [takes(0, "a"), takes(1600, "b"), leaves(2500, "a")];
  assert.equal(untilOneHolder(overlapping, span), 1500);
  assert.equal(mostHolders(overlapping, span), 2);
});

test("an address that goes back counts once more, for as long as both have it or nobody", () => {
  const there = [takes(0, "a"), leaves(1100, "a"), takes(1200, "b")];
  assert.equal(untilOneHolder(there, span), 200);
  assert.equal(untilOneHolder([...there, takes(4000, "a"), leaves(4200, "b")], span), 400);
  assert.equal(untilOneHolder([...there, leaves(4000, "b"), takes(5000, "a")], span), 1200);
  assert.equal(untilOneHolder([...there, takes(4000, "a")], span), undefined);
});

test("none or two at the end is never", () => {
  assert.equal(untilOneHolder([takes(0, "a"), leaves(1100, "a")], span), undefined);
  assert.equal(untilOneHolder([takes(0, "a"), takes(1100, "b")], span), undefined);
  assert.equal(untilOneHolder([], span), undefined);
});

test("what comes after the span is not looked at", () => {
  const changes = [takes(0, "a"), leaves(9500, "a"), takes(9600, "b"), takes(9700, "c")];
  assert.equal(untilOneHolder(changes, span), 0);
  assert.equal(mostHolders(changes, span), 1);
});

test("every time in which clients were not served counts, and only within the span", () => {
  const probe = (at: number, served: boolean): { at: number; served: boolean } => ({ at, served });
  const good = [probe(1000, true), probe(1100, true)];
  assert.equal(unserved(good, span), 0);
  assert.equal(unserved([probe(900, false), ...good, probe(1200, false), probe(1450, true)], span), 250);
  // A second time adds to the first; the one that is there at once counts from the fault.
  const twice = [
    probe(1050, false),
    probe(1150, false),
    probe(1250, true),
    probe(8000, false),
    probe(8100, true),
  ];
  assert.equal(unserved(twice, span), 350);
  // They end in another order than they set out in.
  assert.equal(unserved([probe(1250, true), probe(1100, false), probe(1000, true)], span), 150);
  assert.equal(unserved([probe(1000, true), probe(8900, false)], span), undefined);
  assert.equal(unserved([], span), undefined);
});
