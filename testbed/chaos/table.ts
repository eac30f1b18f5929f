/** The results as a table, with a line for each fault. */
import { queueKinds, type QueueKind } from "./load.ts";
import { trafficOf, type TrialFigures, type TrialResult, type TrafficFigures } from "./trial-result.ts";

const header = [
  "fault",
  "times",
  "confirmed",
  "lost",
  "duplicates",
  "longest gap",
  "stood still",
  "one holder",
  "unserved",
  "whole",
  "verify noticed",
  "next up",
  "goals",
] as const;

/** The meaning of the columns, a line each. */
export const legend: readonly string[] = [
  "times: how often the fault was made; messages are those of all times together, every other column has the worst of them",
  "confirmed, lost, duplicates: messages; lost is confirmed and never received, a duplicate any delivery beyond the first",
  "longest gap: the longest time from the fault to the end in which some publisher had no confirm, on mirrored / quorum queues, " +
    "or on quorum queues alone",
  "stood still: the publisher that fared worst, the sum of its gaps of 1 s and more between fault and healing",
  "one holder: from the fault until one and only one balancer that can be heard held the virtual address, and every later time with none or several",
  "unserved: for how long, between fault and healing, no broker greeted the new clients of the address; one sets out every 0.1 s",
  "whole: from the healing (of what heals by itself: from the fault) until every check of verify was good and every " +
    "mirror in sync; the last question itself, a few seconds, is part of it",
  "verify noticed: how many of its checks failed while the fault was there",
];

const formatSeconds = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? "never" : `${(milliseconds / 1000).toFixed(milliseconds < 9950 ? 1 : 0)} s`;

/** @returns a number of messages, of all kinds of queues together */
function sumOf(figures: TrialFigures, of: (traffic: TrafficFigures) => number): string {
  return String(trafficOf(figures).reduce((total, [, traffic]) => total + of(traffic), 0));
}

/** @returns a time for each kind of queues */
function timesOf(figures: TrialFigures, of: (traffic: TrafficFigures) => number): string {
  return trafficOf(figures)
    .map(([, traffic]) => formatSeconds(of(traffic)))
    .join(" / ");
}

function figureCells(figures: TrialFigures): string[] {
  const { oneHolder, unserved, whole, noticed, nextUp } = figures;
  return [
    sumOf(figures, ({ confirmed }) => confirmed),
    sumOf(figures, ({ lost }) => lost),
    sumOf(figures, ({ duplicates }) => duplicates),
    timesOf(figures, ({ longestGap }) => longestGap),
    timesOf(figures, ({ stoodStill }) => stoodStill),
    formatSeconds(oneHolder),
    formatSeconds(unserved),
    formatSeconds(whole),
    noticed.length === 0 ? "no" : `${noticed.length} checks`,
    nextUp === undefined ? "-" : nextUp.summary,
  ];
}

/** @returns the largest time; undefined, which means never, if one of them is undefined */
function largestTime(times: readonly (number | undefined)[]): number | undefined {
  return times.includes(undefined) ? undefined : Math.max(...times.map(Number));
}

/** @returns the sums of messages over several trials of a fault, and the worst of all other figures */
function worstFigures(all: readonly [TrialFigures, ...TrialFigures[]]): TrialFigures {
  const together = (kind: QueueKind): TrafficFigures => {
    const of = (key: keyof TrafficFigures): number[] => all.map(({ traffic }) => traffic[kind]?.[key] ?? 0);
    const sum = (key: keyof TrafficFigures): number => of(key).reduce((total, each) => total + each, 0);
    const most = (key: keyof TrafficFigures): number => Math.max(...of(key));
    return {
      confirmed: sum("confirmed"),
      lost: sum("lost"),
      duplicates: sum("duplicates"),
      returned: sum("returned"),
      longestGap: most("longestGap"),
      longestSilence: most("longestSilence"),
      stoodStill: most("stoodStill"),
      gapAfterHealing: most("gapAfterHealing"),
    };
  };
  const late = (key: "oneHolder" | "unserved" | "oneHolderAfter" | "whole"): number | undefined =>
    largestTime(all.map((each) => each[key]));
  const ups = all.flatMap(({ nextUp }) => nextUp ?? []);
  const [least = []] = all.map(({ noticed }) => noticed).sort((one, other) => one.length - other.length);
  return {
    traffic: Object.fromEntries(
      queueKinds
        .filter((kind) => all.some(({ traffic }) => traffic[kind] !== undefined))
        .map((kind) => [kind, together(kind)]),
    ),
    oneHolder: late("oneHolder"),
    unserved: late("unserved"),
    oneHolderAfter: late("oneHolderAfter"),
    whole: late("whole"),
    mostHolders: Math.max(...all.map(({ mostHolders }) => mostHolders)),
    noticed: least,
    complaints: all.flatMap(({ complaints }) => complaints),
    nextUp:
      ups.length === 0
        ? undefined
        : {
            code: Math.max(...ups.map(({ code }) => code)),
            summary: [...new Set(ups.map(({ summary }) => summary))].join("; "),
          },
  };
}

/** @returns the results grouped by fault, in their order */
export function groupByFault(rows: readonly TrialResult[]): (readonly TrialResult[])[] {
  return [...Map.groupBy(rows, ({ fault }) => fault).values()];
}

function tableRow(rows: readonly TrialResult[]): string[] {
  const [first, ...others] = rows.flatMap(({ figures }) => figures ?? []);
  const figured =
    first === undefined ? header.slice(3).map(() => "-") : figureCells(worstFigures([first, ...others]));
  const missed = rows.filter(({ missed: goals }) => goals.length > 0).length;
  const verdict = missed === 0 ? "ok" : rows.length === 1 ? "MISSED" : `MISSED ${missed} times`;
  return [rows[0]?.fault ?? "", String(rows.length), ...figured, verdict];
}

/** @returns the missed goals, a line each */
export function missedGoalLines(rows: readonly TrialResult[]): string[] {
  return rows.flatMap(({ fault, missed }) => missed.map((each) => `${fault}: ${each}`));
}

/** @returns the header, and a line for each fault */
export function tableLines(rows: readonly TrialResult[]): string[][] {
  return [[...header], ...groupByFault(rows).map(tableRow)];
}

/** @returns the trials of one fault in one cell; `not run` where there are none */
export function summaryCell(rows: readonly TrialResult[]): string {
  if (rows.length === 0) return "not run";
  const met = `${rows.filter(({ missed }) => missed.length === 0).length} of ${rows.length}`;
  const [first, ...others] = rows.flatMap(({ figures }) => figures ?? []);
  if (first === undefined) return met;
  const worst = worstFigures([first, ...others]);
  const gap = timesOf(worst, ({ longestGap }) => longestGap);
  const lost = sumOf(worst, ({ lost: each }) => each);
  return `${met}; gap ${gap}; ${lost} lost; whole ${formatSeconds(worst.whole)}`;
}

/** @returns the aligned table with the missed goals below it */
export function terminalTable(rows: readonly TrialResult[]): string {
  const lines = tableLines(rows);
  const widths = header.map((_, column) => Math.max(...lines.map((each) => each[column]?.length ?? 0)));
  const aligned = lines.map((each) =>
    each
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...aligned, ...missedGoalLines(rows).map((miss) => `MISSED  ${miss}`)].join("\n");
}

/** @returns what a fault is, and when and with which code it was made */
export function describeFault(rows: readonly TrialResult[]): string {
  return `\`${rows[0]?.fault}\`: ${rows[0]?.what}; ${whenMade(rows)}`;
}

/** @returns the days and commits of the trials */
export function whenMade(rows: readonly Pick<TrialResult, "date" | "commit">[]): string {
  const all = rows.map(({ date, commit }) => (commit === undefined ? date : `${date} (${commit})`));
  return [...new Set(all)].join(", ");
}
