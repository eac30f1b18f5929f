/** Findings as a table for a terminal. */
import type { Finding } from "./finding.ts";

const header = ["check", "on", "result", "to re-run", "detail"];

/** @returns the findings, a line each */
export function table(findings: readonly Finding[]): string {
  const rows = findings.map(({ check, subject, whole, rerun, detail }) => [
    check,
    subject,
    whole ? "ok" : "FAILED",
    rerun.join(", ") || "-",
    detail,
  ]);
  return aligned([header, ...rows]);
}

/** @returns the lines of a table, its columns aligned; the last column is as long as it gets */
export function aligned(lines: readonly (readonly string[])[]): string {
  const rows = lines.map((line) => line.map((cell) => cell.replaceAll(/\s+/g, " ")));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
