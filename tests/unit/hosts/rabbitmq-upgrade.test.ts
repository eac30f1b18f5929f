/** Which version of RabbitMQ may follow which: each pair of series of the official table. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allSeries, compareSeries } from "../../../hosts/rabbitmq-series.ts";
import { upgradeFault } from "../../../hosts/upgrade-paths.ts";

/** https://www.rabbitmq.com/docs/upgrade#rabbitmq-version-upgradability, once more and by hand. */
const official = new Set(
  ["3.8 3.9", "3.9 3.10", "3.10 3.11", "3.11 3.12", "3.12 3.13"].concat([
    "3.13 4.0",
    "3.13 4.1",
    "3.13 4.2",
    "4.0 4.1",
    "4.0 4.2",
    "4.1 4.2",
    "4.2 4.3",
  ]),
);

/** A patch release of every series from which each official upgrade is possible. */
const late = (series: string): string => `${series}.20`;

test("of all pairs of series exactly the official upgrades have no fault", () => {
  const names = allSeries.map(({ series }) => series);
  for (const from of names) {
    for (const to of names) {
      const fault = upgradeFault(late(from), late(to));
      const pair = `${from} ${to}`;
      if (from === to || official.has(pair)) assert.equal(fault, undefined, pair);
      else if (compareSeries(to, from) < 0) assert.match(fault ?? "", /does not go back/, pair);
      else assert.match(fault ?? "", /the way is: first 3\.|the way is: first 4\./, pair);
    }
  }
});

test("each way that a fault names consists of official upgrades, and ends where it should", () => {
  for (const { series: from } of allSeries) {
    for (const { series: to } of allSeries) {
      const named = /first (.*)$/.exec(upgradeFault(late(from), late(to)) ?? "")?.[1];
      if (named === undefined) continue;
      const steps = named.split(", then ").map((step) => step.split(".").slice(0, 2).join("."));
      [from, ...steps].reduce((last, next) => {
        assert.ok(official.has(`${last} ${next}`), `${last} ${next} on the way from ${from} to ${to}`);
        return next;
      });
      assert.equal(steps.at(-1), to);
    }
  }
});

test("the words name the way, with the patch release that a step requires", () => {
  assert.equal(
    upgradeFault("3.10.8-1.1+deb12u1", "1:4.0.5-6"),
    "from 3.10.8 to 4.0 the way is: first 3.11.18, then 3.12, then 3.13, then 4.0",
  );
  assert.equal(upgradeFault("4.0.5", "4.3.6"), "from 4.0.5 to 4.3 the way is: first 4.2, then 4.3");
  assert.equal(
    upgradeFault("3.11.17", "3.12.1"),
    "from 3.11.17 to 3.12 the way is: first 3.11.18, then 3.12",
  );
  assert.equal(upgradeFault("3.11.18", "3.12.1"), undefined);
});

test("within a series only an earlier patch release is a fault", () => {
  assert.equal(upgradeFault("3.10.8-1", "3.10.8-1.1+deb12u1+next1"), undefined);
  assert.equal(upgradeFault("3.10.8-1", "3.10.25-1"), undefined);
  assert.equal(
    upgradeFault("1:4.0.5-6", "4.0.4"),
    "a broker does not go back to an earlier version: give 4.0.5 or a later one",
  );
});

test("what the table does not know is no permission", () => {
  for (const [from, to] of [
    ["3.7.28", "3.8.2"],
    ["4.3.6", "4.4.0"],
  ] as const)
    assert.match(upgradeFault(from, to) ?? "", /knows no upgrade from or to/);
  assert.equal(upgradeFault("newest", "4.2.1"), "newest is not a version of RabbitMQ");
  assert.equal(upgradeFault("4.2.1", "newest"), "newest is not a version of RabbitMQ");
});
