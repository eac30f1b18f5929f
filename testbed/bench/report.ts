/** The results and the computer that they were measured on, as Markdown that is also readable on a terminal. */
import { best, median, formatValue, worst, type Figure, type Part } from "./figures.ts";
import { judgeGoals } from "./goals.ts";
import type { BenchComputer } from "./computer.ts";

export interface Results {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: BenchComputer;
  /** The options of the run. */
  readonly rounds: number;
  readonly trials: number;
  /** Whether everything was run only once and short, so that the figures mean nothing. */
  readonly quick: boolean;
  readonly figures: readonly Figure[];
  /** Differences of each tool's hosts from those of the program. */
  readonly differences: Readonly<Record<string, readonly string[]>>;
}

const titles: Readonly<Record<Part, string>> = {
  cold: "From nothing, hosts included, until both balancers see every broker up and the address answers",
  nochange: "Nothing to change",
  setting: "One HAProxy setting changed (`maxConnections.proxy`), until HAProxy has read it",
  rolling: "One setting of the brokers' that needs a restart (`channel_max`), three of them in turn",
  grow: "More brokers, from nothing",
  failover: "Without service: the longest time in which no new connection was answered",
  throughput: "Messages through the virtual address, and from as many connections straight to the brokers",
};

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

export function markdownReport(results: Results): string {
  const { figures, machine } = results;
  const sections = (Object.keys(titles) as Part[]).flatMap((part) => {
    const own = figures.filter((figure) => figure.part === part);
    if (own.length === 0) return [];
    const rows = own.map((figure) => {
      const { what, who, unit, values, failures } = figure;
      const count =
        failures.length === 0 ? `${values.length}` : `${values.length}, ${failures.length} failed`;
      return [
        what,
        who,
        ...[median(values), best(figure), worst(figure)].map((v) => formatValue(v, unit)),
        count,
      ];
    });
    const [date = results.date] = own.flatMap((figure) => figure.date ?? []);
    const when = date.slice(0, 10) === results.date.slice(0, 10) ? "" : ` (${date.slice(0, 10)})`;
    return [
      `### ${titles[part]}${when}`,
      markdownTable(["what", "who", "median", "best", "worst", "runs"], rows),
    ];
  });
  const goals = judgeGoals(figures)
    .filter(({ met }) => met !== undefined)
    .map(({ goal, measured, met, cause = "" }) => [goal, measured, met === true ? "met" : "MISSED", cause]);
  const failures = figures.flatMap(({ what, who, failures: causes }) =>
    causes.map((cause) => `- ${what}, ${who}: ${cause.split("\n").slice(0, 3).join(" / ")}`),
  );
  const same = Object.entries(results.differences).map(([tool, lines]) =>
    lines.length === 0
      ? `- ${tool}: the same files, packages, users and policy as the program's`
      : `- ${tool} DIFFERS from the program: ${lines.join("; ")}`,
  );
  return [
    `## Benchmark of ${results.date.slice(0, 10)}`,
    ...(results.quick ? ["**A quick run: it shows that everything works. Its figures mean nothing.**"] : []),
    `${machine.cores} cores (${machine.processor}), ${machine.memory} GiB, ${machine.system}, kernel ${machine.kernel}.`,
    Object.entries(machine.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    ...sections,
    ...(goals.length === 0 ? [] : ["### Goals", markdownTable(["goal", "measured", "", "why not"], goals)]),
    ...(same.length === 0 ? [] : ["### What the tools left on the hosts", same.join("\n")]),
    ...(failures.length === 0 ? [] : ["### Runs that failed", failures.join("\n")]),
    "",
  ].join("\n\n");
}
