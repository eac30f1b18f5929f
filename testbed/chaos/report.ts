/** The document of the results: the versions side by side, then a table for each of them. */
import { list, markdownTable } from "../documents/markdown.ts";
import { faults } from "./faults/index.ts";
import { describeFault, groupByFault, legend, missedGoalLines, summaryCell, tableLines } from "./table.ts";
import type { ChaosRun } from "./trial-result.ts";

const cellLegend =
  "Each cell: trials that met every goal, of all trials; the longest time in which some publisher had no confirm, on " +
  "mirrored / quorum queues or on quorum queues alone; confirmed messages that were lost; the time until all was whole. " +
  "The worst of all trials.";
const tlsLegend =
  "TLS: the plain ports are closed, the brokers speak TLS with each other, and clients check the certificate.";

/** @returns the meaning of a cell of `summaryCell`, and of the columns of these runs */
export function summaryLegend(runs: readonly ChaosRun[]): string {
  return runs.some(({ tls }) => tls === true) ? `${cellLegend} ${tlsLegend}` : cellLegend;
}

/** A version and what else distinguishes a column. */
export interface Column extends Pick<ChaosRun, "rabbitmq" | "queues" | "tls"> {
  /** The store of the cluster's tables where it was chosen. @default the version's own */
  readonly store?: "Khepri" | undefined;
}

/** @returns the words at the top of a column; no two columns have the same */
export function columnName({ rabbitmq, queues, tls, store }: Column): string {
  return `${rabbitmq}, ${queues} queues${tls === true ? ", TLS" : ""}${store === undefined ? "" : `, ${store}`}`;
}

/** The order of the columns: the oldest version first, mirrored queues before quorum queues, TLS after without. */
export function byColumn(one: Column, other: Column): number {
  return columnName(one).localeCompare(columnName(other), "en", { numeric: true });
}

/** @returns the document, in Markdown */
export function chaosReport(runs: readonly ChaosRun[]): string {
  const names = faults
    .map(({ name }) => name)
    .filter((name) => runs.some(({ rows }) => rows.some(({ fault }) => fault === name)));
  const side = names.map((name) => [
    name,
    ...runs.map(({ rows }) => summaryCell(rows.filter(({ fault }) => fault === name))),
  ]);
  const parts = [
    "# What failures took",
    "Written by `npm run chaos`; [failures.md](failures.md) says what the system does about each.",
    "## The versions side by side",
    markdownTable(["fault", ...runs.map(columnName)], side),
    summaryLegend(runs),
    ...runs.flatMap(describeRun),
    `## The columns\n\n${list(legend)}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function describeRun(run: ChaosRun): string[] {
  const missed = missedGoalLines(run.rows);
  const [header = [], ...lines] = tableLines(run.rows);
  return [
    `## RabbitMQ ${columnName(run)}`,
    markdownTable(header, lines),
    missed.length === 0 ? "Every goal was met." : `Goals that were missed:\n\n${list(missed)}`,
    `The faults, and when they were made:\n\n${list(groupByFault(run.rows).map(describeFault))}`,
    `Measured on:\n\n${list(run.notes)}`,
  ];
}
