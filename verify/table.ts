/** Findings as a table for a terminal. */
import type { Finding } from "./finding.ts";

const header = ["check", "on", "result", "to re-run", "detail"];

/** @returns the lines of the table, aligned; the last column is as long as it gets */
export function table(findings: readonly Finding[]): string {
  const rows = findings.map(({ check, subject, whole, rerun, detail }) => [
    check,
    subject,
    whole ? "ok" : "FAILED",
    rerun.join(", ") || "-",
    detail.replaceAll(/\s+/g, " "),
  ]);
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
