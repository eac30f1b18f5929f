/** The rows as a table for a terminal and for a document, a line for each fault. */
import { kinds, type Kind } from "./load.ts";
import type { Figures, Row, Traffic } from "./row.ts";

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

/** What the columns mean, a line each. */
export const legend: readonly string[] = [
  "times: how often the fault was made; messages are those of all times together, every other column has the worst of them",
  "confirmed, lost, duplicates: messages; lost is confirmed and never received, a duplicate any delivery beyond the first",
  "longest gap: the longest time from the fault to the end in which some publisher had no confirm, on mirrored / quorum queues",
  "stood still: the publisher that fared worst, the sum of its gaps of 1 s and more between fault and healing",
  "one holder: from the fault until one and only one balancer that can be heard held the virtual address, and every later time with none or several",
  "unserved: for how long, between fault and healing, no broker greeted the new clients of the address; one sets out every 0.1 s",
  "whole: from the healing (of what heals by itself: from the fault) until every check of verify was good and every " +
    "mirror in sync; the last question itself, a few seconds, is part of it",
  "verify noticed: how many of its checks failed while the fault was there",
];

const seconds = (milliseconds: number | undefined): string =>
  milliseconds === undefined ? "never" : `${(milliseconds / 1000).toFixed(milliseconds < 9950 ? 1 : 0)} s`;

function cells({ traffic, oneHolder, unserved, whole, noticed, nextUp }: Figures): string[] {
  const sum = (of: (traffic: Traffic) => number): string =>
    String(kinds.reduce((total, kind) => total + of(traffic[kind]), 0));
  const pair = (of: (traffic: Traffic) => number): string =>
    kinds.map((kind) => seconds(of(traffic[kind]))).join(" / ");
  return [
    sum(({ confirmed }) => confirmed),
    sum(({ lost }) => lost),
    sum(({ duplicates }) => duplicates),
    pair(({ longestGap }) => longestGap),
    pair(({ stoodStill }) => stoodStill),
    seconds(oneHolder),
    seconds(unserved),
    seconds(whole),
    noticed.length === 0 ? "no" : `${noticed.length} checks`,
    nextUp === undefined ? "-" : nextUp.summary,
  ];
}

/** @returns the largest; undefined, which is for ever, where there is one such */
function largest(times: readonly (number | undefined)[]): number | undefined {
  return times.includes(undefined) ? undefined : Math.max(...times.map(Number));
}

/** @returns of several trials of a fault the messages together, and the worst of all else */
function worst(all: readonly [Figures, ...Figures[]]): Figures {
  const together = (kind: Kind): Traffic => {
    const of = (key: keyof Traffic): number[] => all.map(({ traffic }) => traffic[kind][key]);
    const sum = (key: keyof Traffic): number => of(key).reduce((total, each) => total + each, 0);
    const most = (key: keyof Traffic): number => Math.max(...of(key));
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
    largest(all.map((each) => each[key]));
  const ups = all.flatMap(({ nextUp }) => nextUp ?? []);
  const [least = []] = all.map(({ noticed }) => noticed).sort((one, other) => one.length - other.length);
  return {
    traffic: { classic: together("classic"), quorum: together("quorum") },
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

/** @returns the rows of each fault, in their order */
function byFault(rows: readonly Row[]): (readonly Row[])[] {
  return [...Map.groupBy(rows, ({ fault }) => fault).values()];
}

function line(rows: readonly Row[]): string[] {
  const [first, ...others] = rows.flatMap(({ figures }) => figures ?? []);
  const figured = first === undefined ? header.slice(3).map(() => "-") : cells(worst([first, ...others]));
  const missed = rows.filter(({ missed: goals }) => goals.length > 0).length;
  const verdict = missed === 0 ? "ok" : rows.length === 1 ? "MISSED" : `MISSED ${missed} times`;
  return [rows[0]?.fault ?? "", String(rows.length), ...figured, verdict];
}

/** @returns the goals that were missed, a line each */
export function misses(rows: readonly Row[]): string[] {
  return rows.flatMap(({ fault, missed }) => missed.map((each) => `${fault}: ${each}`));
}

/** @returns the lines of the table, aligned, and the missed goals below it */
export function text(rows: readonly Row[]): string {
  const lines = [[...header], ...byFault(rows).map(line)];
  const widths = header.map((_, column) => Math.max(...lines.map((each) => each[column]?.length ?? 0)));
  const aligned = lines.map((each) =>
    each
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...aligned, ...misses(rows).map((miss) => `MISSED  ${miss}`)].join("\n");
}

function made(rows: readonly Row[]): string {
  const days = [...new Set(rows.map(({ date }) => date))].join(", ");
  return `\`${rows[0]?.fault}\`: ${rows[0]?.what}; ${days}`;
}

/** @returns the table with its legend, in Markdown @param notes on what it was measured, a line each */
export function markdown(rows: readonly Row[], notes: readonly string[]): string {
  const bar = (each: readonly string[]): string =>
    `| ${each.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const list = (lines: readonly string[]): string => lines.map((each) => `- ${each}`).join("\n");
  const missed = misses(rows);
  const parts = [
    "# What failures took",
    "Written by `npm run chaos`; [failures.md](failures.md) says what the system does about each.",
    [bar(header), bar(header.map(() => "---")), ...byFault(rows).map((each) => bar(line(each)))].join("\n"),
    missed.length === 0 ? "Every goal was met." : `Goals that were missed:\n\n${list(missed)}`,
    `The faults, and when they were made:\n\n${list(byFault(rows).map(made))}`,
    `The columns:\n\n${list(legend)}`,
    `Measured on:\n\n${list(notes)}`,
  ];
  return `${parts.join("\n\n")}\n`;
}
