/** Formats findings as a table for a terminal. */
import type { Finding } from "./finding.ts";

const header = ["check", "on", "result", "to re-run", "detail"];

/** @returns a table with one line per finding */
export function formatTable(findings: readonly Finding[]): string {
  const rows = findings.map(({ check, subject, ok, resourcesToRerun, detail }) => [
    check,
    subject,
    ok ? "ok" : "FAILED",
    resourcesToRerun.join(", ") || "-",
    detail,
  ]);
  return alignColumns([header, ...rows]);
}

/** @returns the lines with aligned columns; the last column is not padded */
export function alignColumns(lines: readonly (readonly string[])[]): string {
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
