/** The benchmark's results as a table, as JSON and as charts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { drawCharts } from "../../../testbed/bench/charts.ts";
import { Figures } from "../../../testbed/bench/figures.ts";
import { markdownReport, markdownTable, type Results } from "../../../testbed/bench/report.ts";
import { mergeResults } from "../../../testbed/bench/save.ts";

function results(): Results {
  const figures = new Figures();
  for (const [who, first] of Object.entries({ "pulumi up": 60, "SSH script": 50, Ansible: 90 })) {
    figures.add({ part: "cold", what: "3 brokers", who, unit: "s" }, first);
    figures.add({ part: "cold", what: "3 brokers", who, unit: "s" }, first + 5);
    figures.add({ part: "grow", what: "5 brokers", who, unit: "s" }, first * 1.5);
    figures.add({ part: "nochange", what: "run, nothing to change", who, unit: "s" }, first / 20);
  }
  figures.add({ part: "failover", what: "HAProxy hung", who: "new connections", unit: "s" }, 2.1);
  figures.add({ part: "throughput", what: "fast", who: "to the brokers", unit: "msg/s" }, 9000);
  figures.add({ part: "throughput", what: "latency", who: "to the brokers", unit: "ms" }, 3);
  figures.fail({ part: "cold", what: "3 brokers", who: "Ansible", unit: "s" }, new Error("lost\nat 1"));
  return {
    date: "2026-01-02T03:04:05.000Z",
    rounds: 2,
    trials: 1,
    quick: false,
    figures: figures.list,
    machine: {
      cores: 2,
      processor: "A processor",
      memory: 24,
      system: "Debian",
      kernel: "6.1",
      versions: { HAProxy: "2.6.12" },
    },
    differences: { "SSH script": [], Ansible: ["no /etc/x"] },
  };
}

/** @returns the first tag that is not closed in the right place */
function unclosed(svg: string): string {
  const open: string[] = [];
  for (const [tag, slash, name = "", end] of svg.matchAll(/<(\/?)([\w:]+)[^<>]*?(\/?)>/g)) {
    if (slash === "" && end === "") open.push(name);
    else if (slash === "/" && open.pop() !== name) return tag;
  }
  return open.join();
}

test("a table is Markdown with columns of one width", () => {
  const lines = markdownTable(["what", "median"], [["cold", "60.0 s"], ["x"]]).split("\n");
  assert.deepEqual(lines, [
    "| what | median |",
    "| ---- | ------ |",
    "| cold | 60.0 s |",
    "| x    |        |",
  ]);
});

test("the report has all figures, failures and differences", () => {
  const text = markdownReport(results());
  assert.match(text, /^## Benchmark of 2026-01-02$/m);
  assert.match(text, /^2 cores \(A processor\), 24 GiB, Debian, kernel 6\.1\.$/m);
  assert.match(text, /HAProxy 2\.6\.12/);
  assert.match(text, /\| 3 brokers +\| pulumi up +\| 62\.5 s +\| 60\.0 s +\| 65\.0 s +\| 2 +\|/);
  assert.match(text, /\| 2, 1 failed \|/);
  assert.match(text, /^- 3 brokers, Ansible: lost \/ at 1$/m);
  assert.match(text, /- SSH script: the same files/);
  assert.match(text, /- Ansible DIFFERS from the program: no \/etc\/x/);
  assert.doesNotMatch(text, /quick run/);
  assert.match(markdownReport({ ...results(), quick: true }), /Its figures mean nothing/);
});

test("the results are JSON without loss", () => {
  const original = results();
  assert.deepEqual(JSON.parse(JSON.stringify(original)), original);
});

test("each measured part has a chart, a well-formed SVG with the tools' names", () => {
  const drawn = drawCharts(results().figures);
  assert.deepEqual(Object.keys(drawn).sort(), [
    "bench-changes",
    "bench-cold",
    "bench-failover",
    "bench-grow",
    "bench-latency",
    "bench-throughput",
  ]);
  for (const svg of Object.values(drawn)) {
    assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*>[^]*<\/svg>\s*$/);
    assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
    assert.equal(unclosed(svg), "");
  }
  for (const name of ["pulumi up", "SSH script", "Ansible"]) assert.ok(drawn["bench-cold"]?.includes(name));
  assert.deepEqual(drawCharts([]), {});
});

test("a run of some parts keeps the earlier results of the others, with their own date", () => {
  const earlier = results();
  const figures = new Figures();
  figures.add({ part: "grow", what: "7 brokers", who: "Ansible", unit: "s" }, 200);
  const now = { ...earlier, date: "2026-01-09T03:04:05.000Z", figures: figures.list };
  const all = mergeResults(earlier, now);
  assert.deepEqual(
    all.figures.filter(({ part }) => part === "grow").map(({ what }) => what),
    ["7 brokers"],
  );
  const text = markdownReport(all);
  assert.match(text, /^## Benchmark of 2026-01-09$/m);
  assert.match(text, /^### From nothing.* \(2026-01-02\)$/m);
  assert.match(text, /^### More brokers, from nothing$/m);
  assert.deepEqual(mergeResults(earlier, earlier), earlier);
});
