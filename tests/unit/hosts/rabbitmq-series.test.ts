/** The table of RabbitMQ's series. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  allSeries,
  compareSeries,
  seriesNameOf,
  seriesOf,
  seriesTablePath,
} from "../../../hosts/rabbitmq-series.ts";

test("each column has a source, and each row all columns", () => {
  const { sources } = JSON.parse(readFileSync(seriesTablePath, "utf8")) as {
    sources: Record<string, string>;
  };
  const columns = [...Object.keys(sources), "supportEnds"].sort();
  for (const row of allSeries) assert.deepEqual(Object.keys(row).sort(), columns, row.series);
});

test("the series stand in order, and an upgrade leads only to a newer one", () => {
  const names = allSeries.map(({ series }) => series);
  assert.deepEqual(names.toSorted(compareSeries), names);
  for (const { series, upgradesTo } of allSeries) {
    for (const next of upgradesTo)
      assert.ok(names.includes(next) && compareSeries(series, next) < 0, `${series} ${next}`);
  }
});

test("an ability that a series has or lacks changes once, since questions to brokers compare with one version", () => {
  const [first] = allSeries;
  assert.ok(first);
  for (const [column, value] of Object.entries(first)) {
    if (typeof value !== "boolean") continue;
    const values = allSeries.map((row) => (row as unknown as Record<string, unknown>)[column]);
    const changes = values.filter((each, index) => index > 0 && each !== values[index - 1]).length;
    assert.ok(changes <= 1, column);
  }
});

test("the series of a package's version is found, with and without an epoch", () => {
  assert.equal(seriesNameOf("3.10.8-1.1+deb12u1"), "3.10");
  assert.equal(seriesNameOf("1:4.0.5-6"), "4.0");
  assert.equal(seriesNameOf("3.9.16-1.el7"), "3.9");
  assert.equal(seriesNameOf("newest"), undefined);
  assert.equal(seriesOf("newest"), undefined);
  assert.equal(seriesOf("3.10.8")?.hasMirrors, true);
  assert.equal(seriesOf("4.0.5")?.hasMirrors, false);
});

test("a version outside the table is like the nearest series", () => {
  assert.equal(seriesOf("4.9.0")?.series, allSeries.at(-1)?.series);
  assert.equal(seriesOf("3.7.28")?.series, "3.8");
});
