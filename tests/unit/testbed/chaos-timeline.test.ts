/** The figures from who held the virtual address and which clients were served. */
import assert from "node:assert/strict";
import test from "node:test";
import { type HolderChange, maxHolders, unservedMs, oneHolderMs } from "../../../testbed/chaos/timeline.ts";

const takes = (at: number, host: string): HolderChange => ({ at, host, holds: true });
const leaves = (at: number, host: string): HolderChange => ({ at, host, holds: false });
const span = { from: 1000, to: 9000 };

test("a holder that never changes counts from the start", () => {
  assert.equal(oneHolderMs([takes(0, "a")], span), 0);
  assert.equal(maxHolders([takes(0, "a")], span), 1);
});

test("the address has moved when the other host holds it and the first one does not", () => {
  assert.equal(oneHolderMs([takes(0, "a"), leaves(1000, "a"), takes(1600, "b")], span), 600);
  const overlapping = [takes(0, "a"), takes(1600, "b"), leaves(2500, "a")];
  assert.equal(oneHolderMs(overlapping, span), 1500);
  assert.equal(maxHolders(overlapping, span), 2);
});

test("a later move back adds the time in which both hosts or none hold the address", () => {
  const there = [takes(0, "a"), leaves(1100, "a"), takes(1200, "b")];
  assert.equal(oneHolderMs(there, span), 200);
  assert.equal(oneHolderMs([...there, takes(4000, "a"), leaves(4200, "b")], span), 400);
  assert.equal(oneHolderMs([...there, leaves(4000, "b"), takes(5000, "a")], span), 1200);
  assert.equal(oneHolderMs([...there, takes(4000, "a")], span), undefined);
});

test("no holder, or two, at the end is never", () => {
  assert.equal(oneHolderMs([takes(0, "a"), leaves(1100, "a")], span), undefined);
  assert.equal(oneHolderMs([takes(0, "a"), takes(1100, "b")], span), undefined);
  assert.equal(oneHolderMs([], span), undefined);
});

test("changes after the span do not count", () => {
  const changes = [takes(0, "a"), leaves(9500, "a"), takes(9600, "b"), takes(9700, "c")];
  assert.equal(oneHolderMs(changes, span), 0);
  assert.equal(maxHolders(changes, span), 1);
});

test("every time in which clients were not served counts, but only within the span", () => {
  const probe = (at: number, served: boolean): { at: number; served: boolean } => ({ at, served });
  const good = [probe(1000, true), probe(1100, true)];
  assert.equal(unservedMs(good, span), 0);
  assert.equal(unservedMs([probe(900, false), ...good, probe(1200, false), probe(1450, true)], span), 250);
  // A second outage adds to the first. One that includes the span's first client counts from the fault.
  const twice = [
    probe(1050, false),
    probe(1150, false),
    probe(1250, true),
    probe(8000, false),
    probe(8100, true),
  ];
  assert.equal(unservedMs(twice, span), 350);
  // Probes may end in another order than they start.
  assert.equal(unservedMs([probe(1250, true), probe(1100, false), probe(1000, true)], span), 150);
  assert.equal(unservedMs([probe(1000, true), probe(8900, false)], span), undefined);
  assert.equal(unservedMs([], span), undefined);
});
