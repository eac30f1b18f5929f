/** Medians, best and worst values, and goals of the benchmark. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { best, Figures, median, formatValue, worst } from "../../../testbed/bench/figures.ts";
import { judgeGoals } from "../../../testbed/bench/goals.ts";

const cold = { part: "cold", what: "3 brokers", unit: "s" } as const;

test("median: an odd number of values, an even number, and none", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("the worst time is the longest, the worst rate the lowest", () => {
  const times = { values: [2, 5, 3], unit: "s" } as const;
  const rates = { values: [2, 5, 3], unit: "msg/s" } as const;
  assert.deepEqual([worst(times), best(times)], [5, 2]);
  assert.deepEqual([worst(rates), best(rates)], [2, 5]);
  assert.ok(Number.isNaN(worst({ values: [], unit: "s" })));
});

test("values with the same key are collected, in the order of each key's first value", () => {
  const figures = new Figures();
  figures.add({ ...cold, who: "SSH script" }, 50);
  figures.add({ ...cold, who: "Ansible" }, 90);
  figures.add({ ...cold, who: "SSH script" }, 52);
  figures.fail({ ...cold, who: "Ansible" }, new Error("no host"));
  const rows = figures.list.map(({ who, values, failures }) => [who, values, failures]);
  assert.deepEqual(rows, [
    ["SSH script", [50, 52], []],
    ["Ansible", [90], ["no host"]],
  ]);
});

test("values are shown with digits that suit their size and unit", () => {
  assert.equal(formatValue(0.5816, "s"), "0.58 s");
  assert.equal(formatValue(66.14, "s"), "66.1 s");
  assert.equal(formatValue(2345.6, "ms"), "2346 ms");
  assert.equal(formatValue(912.4, "msg/s"), "912 msg/s");
  assert.equal(formatValue(NaN, "s"), "–");
});

test("a goal is met, missed, or not measured", () => {
  const figures = new Figures();
  figures.add({ ...cold, who: "pulumi up" }, 60);
  figures.add({ ...cold, who: "SSH script" }, 50);
  figures.add({ ...cold, who: "Ansible" }, 120);
  for (const gap of [0.6, 0.6, 1.2]) {
    figures.add({ part: "failover", what: "holder powered off", who: "new connections", unit: "s" }, gap);
  }
  const byGoal = new Map(judgeGoals(figures.list).map(({ goal, measured, met }) => [goal, [measured, met]]));
  assert.deepEqual(byGoal.get("3 brokers: pulumi up ≤ 1.1 × SSH script"), ["1.20 ×", false]);
  assert.deepEqual(byGoal.get("3 brokers: pulumi up ≤ 0.55 × Ansible"), ["0.50 ×", true]);
  assert.deepEqual(byGoal.get("holder powered off: no service for 0.7 s in the median"), ["0.60 s", true]);
  assert.deepEqual(byGoal.get("holder powered off: no service for 1 s at worst"), ["1.20 s", false]);
  assert.deepEqual(byGoal.get("HAProxy hung: no service for 2.5 s at worst"), ["–", undefined]);
});
