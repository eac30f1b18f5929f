/** Markdown of the documents that measurements write. */

export function bar(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [bar(header), bar(header.map(() => "---")), ...rows.map(bar)].join("\n");
}

export function list(lines: readonly string[]): string {
  return lines.map((each) => `- ${each}`).join("\n");
}
