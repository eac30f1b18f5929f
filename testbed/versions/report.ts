/** The table of versions side by side, from what chaos and the tests of operations have recorded. */
import { seriesOf } from "../../hosts/rabbitmq-series.ts";
import { faults } from "../chaos/faults/index.ts";
import { byColumn, type Column, columnName, summaryLegend } from "../chaos/report.ts";
import { summaryCell, whenMade } from "../chaos/table.ts";
import type { ChaosRun, TrialResult } from "../chaos/trial-result.ts";
import { brokerReleases } from "../stacks/broker-releases.ts";
import { list, markdownTable } from "../documents/markdown.ts";
import { operations, type Operation, type OperationRecord } from "./records.ts";

/** The columns that a table always has. */
const wantedColumns: readonly Column[] = brokerReleases.flatMap(({ version: rabbitmq }) => [
  ...(seriesOf(rabbitmq)?.hasMirrors === true ? [{ rabbitmq, queues: "mirrored" } as const] : []),
  { rabbitmq, queues: "quorum" } as const,
]);

/** @returns the columns of a table, with those of what is recorded for it */
function columnsOf(recorded: readonly Column[]): Column[] {
  return [...new Map([...wantedColumns, ...recorded].map((each) => [columnName(each), each])).values()].sort(
    byColumn,
  );
}

/** @returns the document, in Markdown; a cell that was never measured says so */
export function versionsReport(runs: readonly ChaosRun[], records: readonly OperationRecord[]): string {
  const [operationColumns, faultColumns] = [columnsOf(records), columnsOf(runs)];
  const recorded = (column: Column, operation: Operation): OperationRecord[] =>
    records.filter((each) => columnName(each) === columnName(column) && each.operation === operation);
  const trials = (column: Column, fault: string): TrialResult[] =>
    runs
      .filter((run) => columnName(run) === columnName(column))
      .flatMap(({ rows }) => rows.filter((row) => row.fault === fault));
  const names = Object.keys(operations) as Operation[];
  const when = (
    columns: readonly Column[],
    made: (column: Column) => readonly Pick<TrialResult, "date" | "commit">[],
  ): string =>
    columns
      .flatMap((column) =>
        made(column).length === 0 ? [] : [`${columnName(column)}: ${whenMade(made(column))}`],
      )
      .join("; ");
  const dates = [
    ...names.map((name) => [name, when(operationColumns, (column) => recorded(column, name))] as const),
    ...faults.map(({ name }) => [name, when(faultColumns, (column) => trials(column, name))] as const),
  ].flatMap(([name, text]) => (text === "" ? [] : [`\`${name}\`: ${text}`]));
  const parts = [
    "# The same on several versions",
    "Written by `npm run chaos -- --report` from [chaos.json](chaos.json) and [versions.jsonl](versions.jsonl), which hold " +
      "the last results. The stack's file is the same but for `os`, the repository and, where it says so, `rabbitmq.queues` and `tls`. " +
      "[platforms.md](platforms.md#rabbitmq-43) says how RabbitMQ 4.3 is had.",
    "## Operations",
    markdownTable(
      ["operation", ...operationColumns.map(columnName)],
      names.map((name) => [
        name,
        ...operationColumns.map((column) => recorded(column, name).at(-1)?.result ?? "not run"),
      ]),
    ),
    list(names.map((name) => `${name}: ${operations[name]}`)),
    "Khepri in a column's name: chosen there by `rabbitmqctl enable_feature_flag khepri_db` once the cluster runs; RabbitMQ 4.3 has " +
      "it always.",
    "Gap: the longest time in which some publisher had no confirm. Lost: confirmed messages that no consumer received.",
    "## Failures",
    markdownTable(
      ["fault", ...faultColumns.map(columnName)],
      faults.map(({ name }) => [name, ...faultColumns.map((column) => summaryCell(trials(column, name)))]),
    ),
    summaryLegend(runs),
    "The faults are described in [chaos.md](chaos.md). The loss of power of all three brokers is `brokers-off` and " +
      "`brokers-off-in-turn`. Every fault is made on every version; on 4.x there are no mirrored queues to make it on.",
    `## When, and with which commit\n\n${list(dates)}`,
    "## To measure again\n\n```\nRABBITMQ_HA_RECORD=1 npm run test:platforms -- tests/platforms/operations-on-*.test.ts\n" +
      "npm run chaos -- --rabbitmq 4.3.6 --json docs/chaos.json --markdown docs/chaos.md\n" +
      "npm run chaos -- --tls --json docs/chaos.json --markdown docs/chaos.md\n" +
      "npm run chaos -- --rabbitmq 4.3.6 --only brokers-off,brokers-off-in-turn --times 20 --json docs/chaos.json --markdown docs/chaos.md\n" +
      "npm run chaos -- --report\n```",
  ];
  return `${parts.join("\n\n")}\n`;
}
