/** Measured values, and their medians, best and worst. */

export const parts = ["cold", "nochange", "setting", "rolling", "grow", "failover", "throughput"] as const;
export type Part = (typeof parts)[number];
export type Unit = "s" | "ms" | "msg/s";

/** All values of one thing that was measured. */
export interface Figure {
  readonly part: Part;
  readonly what: string;
  /** The tool, or the route of the messages. */
  readonly who: string;
  readonly unit: Unit;
  readonly values: readonly number[];
  /** When it was measured, in ISO 8601. @default the date of the results */
  readonly date?: string;
  /** The causes of failed runs, which have no value. */
  readonly failures: readonly string[];
}

export type FigureKey = Pick<Figure, "part" | "what" | "who" | "unit">;

/** Collects values by key, in the order of each key's first value. */
export class Figures {
  readonly #rows = new Map<string, FigureKey & { values: number[]; failures: string[] }>();

  add(key: FigureKey, value: number): void {
    this.#row(key).values.push(value);
  }

  fail(key: FigureKey, cause: unknown): void {
    this.#row(key).failures.push(cause instanceof Error ? cause.message : String(cause));
  }

  get list(): readonly Figure[] {
    return [...this.#rows.values()];
  }

  #row(key: FigureKey): { values: number[]; failures: string[] } {
    const name = `${key.part}\n${key.what}\n${key.who}`;
    const row = this.#rows.get(name) ?? { ...key, values: [], failures: [] };
    this.#rows.set(name, row);
    return row;
  }
}

/** @returns the middle value, or the mean of the middle two; NaN without values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** @returns the longest time, or the lowest rate; NaN without values */
export function worst({ values, unit }: Pick<Figure, "values" | "unit">): number {
  if (values.length === 0) return NaN;
  return unit === "msg/s" ? Math.min(...values) : Math.max(...values);
}

/** @returns the shortest time, or the highest rate; NaN without values */
export function best({ values, unit }: Pick<Figure, "values" | "unit">): number {
  if (values.length === 0) return NaN;
  return unit === "msg/s" ? Math.max(...values) : Math.min(...values);
}

/** @returns a value with its unit, such as `66.1 s` */
export function formatValue(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return "–";
  const digits = unit === "msg/s" || value >= 1000 ? 0 : value < 10 ? 2 : 1;
  return `${value.toFixed(digits)} ${unit}`;
}
