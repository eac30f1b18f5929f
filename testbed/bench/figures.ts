/** Measured values, and what they come to. */

export const parts = ["cold", "nochange", "setting", "rolling", "grow", "failover", "throughput"] as const;
export type Part = (typeof parts)[number];
export type Unit = "s" | "ms" | "msg/s";

/** All values of one thing that was measured. */
export interface Figure {
  readonly part: Part;
  readonly what: string;
  /** The tool, or the way that the messages went. */
  readonly who: string;
  readonly unit: Unit;
  readonly values: readonly number[];
  /** When it was measured, in ISO 8601. @default with the others */
  readonly date?: string;
  /** Runs that did not do what they should, which have no value: each with its cause. */
  readonly failures: readonly string[];
}

export type Key = Pick<Figure, "part" | "what" | "who" | "unit">;

/** Collects values under their names, in the order in which they first come. */
export class Figures {
  readonly #rows = new Map<string, Key & { values: number[]; failures: string[] }>();

  add(key: Key, value: number): void {
    this.#row(key).values.push(value);
  }

  fail(key: Key, cause: unknown): void {
    this.#row(key).failures.push(cause instanceof Error ? cause.message : String(cause));
  }

  get list(): readonly Figure[] {
    return [...this.#rows.values()];
  }

  #row(key: Key): { values: number[]; failures: string[] } {
    const name = `${key.part}\n${key.what}\n${key.who}`;
    const row = this.#rows.get(name) ?? { ...key, values: [], failures: [] };
    this.#rows.set(name, row);
    return row;
  }
}

/** @returns the middle value, of an even number the mean of the two; NaN of none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** @returns the longest time, or the lowest rate; NaN of none */
export function worst({ values, unit }: Pick<Figure, "values" | "unit">): number {
  if (values.length === 0) return NaN;
  return unit === "msg/s" ? Math.min(...values) : Math.max(...values);
}

/** @returns the shortest time, or the highest rate; NaN of none */
export function best({ values, unit }: Pick<Figure, "values" | "unit">): number {
  if (values.length === 0) return NaN;
  return unit === "msg/s" ? Math.max(...values) : Math.min(...values);
}

/** @returns a value as it is shown, such as `66.1 s` */
export function shown(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return "–";
  const digits = unit === "msg/s" || value >= 1000 ? 0 : value < 10 ? 2 : 1;
  return `${value.toFixed(digits)} ${unit}`;
}
