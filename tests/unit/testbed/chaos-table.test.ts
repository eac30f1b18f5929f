/** The missed goals in a fault's figures, and the tables of results. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { faults, shortBrokerFaults, shortRunFaults } from "../../../testbed/chaos/faults/index.ts";
import type { Goals } from "../../../testbed/chaos/faults/fault.ts";
import { findMissedGoals } from "../../../testbed/chaos/goals.ts";
import { defaultLoad, describeLoad, isByTls, kindsOf } from "../../../testbed/chaos/load.ts";
import { readOptions, settingsOf } from "../../../testbed/chaos/options.ts";
import { chaosReport } from "../../../testbed/chaos/report.ts";
import { mergeRun, readRuns, writeRuns } from "../../../testbed/chaos/results.ts";
import type {
  ChaosRun,
  TrialFigures,
  TrialResult,
  TrafficFigures,
} from "../../../testbed/chaos/trial-result.ts";
import { summaryCell, terminalTable } from "../../../testbed/chaos/table.ts";

const calm: TrafficFigures = {
  confirmed: 1000,
  lost: 0,
  duplicates: 3,
  returned: 0,
  longestGap: 450,
  longestSilence: 200,
  stoodStill: 0,
  gapAfterHealing: 100,
};
const good: TrialFigures = {
  traffic: { classic: calm, quorum: calm },
  oneHolder: 600,
  unserved: 700,
  oneHolderAfter: 0,
  mostHolders: 1,
  whole: 12_000,
  noticed: ["members a"],
  complaints: [],
  nextUp: { code: 0, summary: "61 unchanged" },
};
const goals: Goals = { addressSeconds: 1, publishingSeconds: 3 };

const misses = (change: Partial<TrialFigures>, traffic: Partial<TrafficFigures> = {}): string[] =>
  findMissedGoals(goals, { ...good, traffic: { classic: calm, quorum: { ...calm, ...traffic } }, ...change });

test("figures within the limits miss no goal; a figure at the limit is within", () => {
  assert.deepEqual(misses({}), []);
  assert.deepEqual(misses({ oneHolder: 1000, whole: 60_000 }, { stoodStill: 3000 }), []);
});

for (const [what, change, traffic, words] of [
  ["a lost message", {}, { lost: 1 }, "1 of 1000 confirmed messages lost on the quorum queues, goal 0"],
  [
    "which message is lost",
    { missing: ["queue q: message 7; it holds 0 ready"] },
    {},
    "queue q: message 7; it holds 0 ready",
  ],
  ["no message at all", {}, { confirmed: 0 }, "no message was confirmed on the quorum queues"],
  [
    "publishing resumes late",
    {},
    { stoodStill: 3100 },
    "a publisher stood still on the quorum queues: 3.1 s, goal 3 s",
  ],
  ["the address moves late", { oneHolder: 1100 }, {}, "one and only one holder: 1.1 s, goal 1 s"],
  ["two holders", { oneHolder: undefined }, {}, "one and only one holder: not at all, goal 1 s"],
  [
    "clients are served late",
    { unserved: 1900 },
    {},
    "new clients not served through the address: 1.9 s, goal 1 s",
  ],
  [
    "two holders remain",
    { oneHolderAfter: undefined },
    {},
    "at the end there was not one and only one holder",
  ],
  ["verify does not notice the fault", { noticed: [] }, {}, "verify did not notice"],
  ["the system is healthy late", { whole: 61_000 }, {}, "whole again: 61.0 s, goal 60 s"],
  [
    "the system never becomes healthy",
    { whole: undefined, complaints: ["members a: silent"] },
    {},
    "whole again (members a: silent): not at all, goal 60 s",
  ],
  [
    "the next up fails",
    { nextUp: { code: 1, summary: "no summary" } },
    {},
    "the next up ended with 1: no summary",
  ],
] as const) {
  test(`a missed goal: ${what}`, () => {
    assert.deepEqual(misses(change, traffic), [words]);
  });
}

const row: TrialResult = {
  fault: "broker-killed",
  what: "broker process killed",
  date: "2026-11-24",
  figures: good,
  missed: [],
  logs: "",
};
const failed: TrialResult = { ...row, fault: "x", figures: undefined, missed: ["the trial itself failed"] };

test("the terminal's table has a line for each fault and one for each missed goal", () => {
  const [head = "", first = "", second = "", miss, ...rest] = terminalTable([row, failed]).split("\n");
  assert.match(
    head,
    /^fault +times +confirmed +lost +duplicates +longest gap +stood still +one holder +unserved +whole/,
  );
  assert.match(
    first,
    /^broker-killed +1 +2000 +0 +6 +0\.5 s \/ 0\.5 s +0\.0 s \/ 0\.0 s +0\.6 s +0\.7 s +12 s +1 checks/,
  );
  assert.match(first, /61 unchanged +ok$/);
  assert.match(second, /^x +1 +(- +)+MISSED$/);
  assert.equal(miss, "MISSED  x: the trial itself failed");
  assert.deepEqual(rest, []);
});

const run = (rabbitmq: string, queues: ChaosRun["queues"], rows: readonly TrialResult[]): ChaosRun => ({
  rabbitmq,
  queues,
  notes: [`two cores, ${rabbitmq}`],
  rows,
});
/** A trial on a system that has no mirrored queues. */
const onQuorum: TrialResult = {
  ...row,
  figures: { ...good, traffic: { quorum: { ...calm, longestGap: 900 } } },
};

test("the document has the versions side by side, and a table, missed goals and notes of each", () => {
  const document = chaosReport([
    run("3.10.8", "mirrored", [row]),
    run("4.3.6", "quorum", [onQuorum, failed]),
  ]);
  assert.match(document, /^\| fault \| 3\.10\.8, mirrored queues \| 4\.3\.6, quorum queues \|$/m);
  const [first, second] = [
    "1 of 1; gap 0.5 s / 0.5 s; 0 lost; whole 12 s",
    "1 of 1; gap 0.9 s; 0 lost; whole 12 s",
  ];
  assert.ok(document.includes(`| broker-killed | ${first} | ${second} |\n`), document);
  assert.match(document, /## RabbitMQ 3\.10\.8, mirrored queues\n\n(\|.*\|\n)+\nEvery goal was met\./);
  assert.match(document, /Goals that were missed:\n\n- x: the trial itself failed\n/);
  assert.match(document, /- two cores, 4\.3\.6\n/);
  for (const table of document.split("\n\n").filter((part) => part.startsWith("|"))) {
    assert.equal(new Set(table.split("\n").map((line) => line.split("|").length)).size, 1, table);
  }
});

test("a cell counts the trials that met every goal, and says where nothing was run", () => {
  assert.equal(summaryCell([]), "not run");
  const missed = { ...row, missed: ["whole again"], figures: { ...good, whole: undefined } };
  assert.equal(summaryCell([row, missed]), "1 of 2; gap 0.5 s / 0.5 s; 0 lost; whole never");
  assert.equal(summaryCell([failed]), "0 of 1");
});

test("a run replaces the trials of its faults with the same version and queues, and no others", () => {
  const off: TrialResult = { ...row, fault: "broker-off" };
  const old = [
    run("4.3.6", "quorum", [row]),
    run("3.10.8", "mirrored", [row, off]),
    run("3.10.8", "quorum", [row]),
  ];
  const newer = { ...row, date: "2026-11-25" };
  const merged = mergeRun(old, run("3.10.8", "mirrored", [newer, newer]));
  assert.deepEqual(
    merged.map(({ rabbitmq, queues, rows }) => [
      rabbitmq,
      queues,
      ...rows.map(({ fault, date }) => `${fault} ${date}`),
    ]),
    [
      [
        ...["3.10.8", "mirrored", "broker-killed 2026-11-25", "broker-killed 2026-11-25"],
        "broker-off 2026-11-24",
      ],
      ["3.10.8", "quorum", "broker-killed 2026-11-24"],
      ["4.3.6", "quorum", "broker-killed 2026-11-24"],
    ],
  );
});

test("a run with TLS has a column and a section of its own, and takes the place of no trial without", () => {
  const plain = [run("3.10.8", "quorum", [row]), run("3.10.8", "mirrored", [row])];
  const byTls = { ...run("3.10.8", "mirrored", [onQuorum]), tls: true };
  const merged = mergeRun(plain, byTls);
  const [, , quorum] = merged;
  assert.deepEqual(
    [merged.length, quorum?.queues, ...merged.map(({ tls }) => tls)],
    [3, "quorum", undefined, true, undefined],
  );
  const document = chaosReport(merged);
  assert.match(
    document,
    /^\| fault \| 3\.10\.8, mirrored queues \| 3\.10\.8, mirrored queues, TLS \| 3\.10\.8, quorum queues \|$/m,
  );
  const cell = (gap: string): string => `1 of 1; gap ${gap}; 0 lost; whole 12 s`;
  const cells = ["0.5 s / 0.5 s", "0.9 s", "0.5 s / 0.5 s"].map(cell).join(" | ");
  assert.ok(document.includes(`| broker-killed | ${cells} |\n`), document);
  assert.match(document, /^## RabbitMQ 3\.10\.8, mirrored queues, TLS$/m);
  assert.match(document, /TLS: the plain ports are closed/);
  const [again] = mergeRun(merged, run("3.10.8", "mirrored", [failed]));
  assert.deepEqual(
    again?.rows.map(({ fault }) => fault),
    ["x", "broker-killed"],
  );
  assert.doesNotMatch(chaosReport(plain), /TLS/);
});

test("a record of a run without TLS is written as before there was TLS", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rabbitmq-ha-chaos-"));
  const json = join(folder, "chaos.json");
  try {
    const [plain, byTls] = [run("3.10.8", "mirrored", [row]), run("4.3.6", "quorum", [row])];
    await writeRuns({ json, markdown: undefined }, [
      { ...plain, tls: undefined },
      { ...byTls, tls: true },
    ]);
    assert.deepEqual(await readRuns(json), [plain, { ...byTls, tls: true }]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file that is not there has no runs; one that cannot be read is an error", async () => {
  assert.deepEqual(await readRuns("/nowhere/chaos.json"), []);
  await assert.rejects(readRuns(import.meta.dirname), /EISDIR/);
});

test("without mirrored queues only quorum queues are loaded: a classic queue has one copy there", () => {
  assert.deepEqual(kindsOf({ queues: "mirrored" }), ["classic", "quorum"]);
  assert.deepEqual(kindsOf({}), ["classic", "quorum"]);
  assert.deepEqual(kindsOf({ queues: "quorum" }), ["quorum"]);
});

test("the load says whether its clients connect by TLS, which they do where no plain port is open", () => {
  const broker = { name: "a", address: "192.0.2.1", url: "" };
  const [plain, byTls] = ["amqp://u:p@192.0.2.9:5672", "amqps://u:p@192.0.2.9:5671"].map((amqpUri) => ({
    ...{ amqpUri, brokers: [broker, broker, broker] },
    queues: "mirrored" as const,
  }));
  assert.ok(plain !== undefined && byTls !== undefined);
  assert.deepEqual([isByTls(plain), isByTls(byTls)], [false, true]);
  assert.match(describeLoad(defaultLoad, plain), /through the virtual address, 50 messages/);
  assert.match(describeLoad(defaultLoad, byTls), /through the virtual address by TLS, 50 messages/);
});

test("a system without mirrored queues is judged by its quorum queues alone", () => {
  const lost = { ...good, traffic: { quorum: { ...calm, lost: 2 } } };
  assert.deepEqual(findMissedGoals(goals, { ...good, traffic: { quorum: calm } }), []);
  assert.deepEqual(findMissedGoals(goals, lost), [
    "2 of 1000 confirmed messages lost on the quorum queues, goal 0",
  ]);
  const [, line = ""] = terminalTable([onQuorum, onQuorum]).split("\n");
  assert.match(line, /^broker-killed +2 +2000 +0 +6 +0\.9 s +0\.0 s +0\.6 s/);
});

test("several trials of a fault are one line: the sums of messages, and the worst of all other figures", () => {
  const slower = { ...good, whole: 31_000, noticed: [], nextUp: { code: 0, summary: "60 unchanged" } };
  const never: TrialResult = { ...row, figures: { ...good, whole: undefined }, missed: ["whole again"] };
  const [, first = "", second] = terminalTable([row, { ...row, figures: slower }, failed]).split("\n");
  assert.match(first, /^broker-killed +2 +4000 +0 +12 .* 31 s +no +61 unchanged; 60 unchanged +ok$/);
  assert.match(second ?? "", /^x +1 /);
  assert.match(
    terminalTable([row, never, never]).split("\n")[1] ?? "",
    /^broker-killed +3 .* never .*MISSED 2 times$/,
  );
});

test("the faults have unique names, and the short run has only known ones", () => {
  const names = faults.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    [...shortRunFaults, ...shortBrokerFaults].filter((name) => !names.includes(name)),
    [],
  );
});

test("--only selects faults, in their own order, and rejects unknown ones", () => {
  assert.equal(readOptions([]).faults.length, faults.length);
  const {
    faults: chosen,
    keep,
    json,
  } = readOptions(["--only", "disk-alarm, broker-off", "--json", "a.json"]);
  assert.deepEqual(
    chosen.map(({ name }) => name),
    ["broker-off", "disk-alarm"],
  );
  assert.deepEqual([keep, json], [false, "a.json"]);
  assert.equal(readOptions(["--times", "10"]).times, 10);
  assert.throws(() => readOptions(["--times", "no"]), /--times is no; give a whole number from 1 on/);
  assert.throws(
    () => readOptions(["--only", "broker-of"]),
    /chaos: unknown fault broker-of; choose from broker-killed/,
  );
  assert.throws(() => readOptions(["--onyl", "broker-off"]), /chaos: Unknown option '--onyl'/);
});

test("--rabbitmq chooses the lab's version, by its number or its series, and --queues the kind of queues", () => {
  const chosen = (...args: string[]): string => {
    const { release, queues } = readOptions(args);
    return `${release.version} ${queues ?? "by version"}`;
  };
  assert.equal(chosen(), "3.10.8 by version");
  assert.equal(chosen("--queues", "quorum"), "3.10.8 quorum");
  assert.equal(chosen("--queues", "mirrored"), "3.10.8 mirrored");
  assert.equal(chosen("--rabbitmq", "4.0.5"), "4.0.5 by version");
  assert.equal(chosen("--rabbitmq", "4.3"), "4.3.6 by version");
  assert.throws(
    () => chosen("--rabbitmq", "4.1.0"),
    /cannot have RabbitMQ 4\.1\.0; choose from 3\.10\.8, 4\.0\.5, 4\.3\.6/,
  );
  assert.throws(() => chosen("--queues", "classic"), /--queues is classic; write mirrored or quorum/);
  assert.throws(
    () => chosen("--rabbitmq", "4.0.5", "--queues", "mirrored"),
    /RabbitMQ 4\.0\.5 has no mirrored queues; leave --queues out/,
  );
});

test("--tls closes the lab's plain ports and has the brokers speak TLS, beside the kind of queues", () => {
  const settings = (...args: string[]): string => settingsOf(readOptions(args));
  const tls = "  rabbitmq-ha:tls: { only: true, interNode: true }";
  assert.equal(settings(), "");
  assert.equal(settings("--tls"), tls);
  assert.equal(settings("--tls", "--queues", "quorum"), `  rabbitmq-ha:rabbitmq: { queues: quorum }\n${tls}`);
});
