/** The rows as a table for a terminal and for a document. */
import { kinds } from "./load.ts";
import type { Figures, Row, Traffic } from "./row.ts";

const header = [
  "fault",
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

function line({ fault, figures, missed }: Row): string[] {
  const figured = figures === undefined ? header.slice(2).map(() => "-") : cells(figures);
  return [fault, ...figured, missed.length === 0 ? "ok" : "MISSED"];
}

/** @returns the goals that were missed, a line each */
export function misses(rows: readonly Row[]): string[] {
  return rows.flatMap(({ fault, missed }) => missed.map((each) => `${fault}: ${each}`));
}

/** @returns the lines of the table, aligned, and the missed goals below it */
export function text(rows: readonly Row[]): string {
  const lines = [[...header], ...rows.map(line)];
  const widths = header.map((_, column) => Math.max(...lines.map((each) => each[column]?.length ?? 0)));
  const aligned = lines.map((each) =>
    each
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...aligned, ...misses(rows).map((miss) => `MISSED  ${miss}`)].join("\n");
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
    [bar(header), bar(header.map(() => "---")), ...rows.map((row) => bar(line(row)))].join("\n"),
    missed.length === 0 ? "Every goal was met." : `Goals that were missed:\n\n${list(missed)}`,
    `The faults:\n\n${list(rows.map(({ fault, what }) => `\`${fault}\`: ${what}`))}`,
    `The columns:\n\n${list(legend)}`,
    `Measured on:\n\n${list(notes)}`,
  ];
  return `${parts.join("\n\n")}\n`;
}
