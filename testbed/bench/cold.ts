/** The tools side by side: from nothing, with nothing to change, with one setting to change, with more brokers. */
import type { Figures, Part } from "./figures.ts";
import { differences, endState } from "./same.ts";
import { whole } from "./site.ts";
import type { Lab, Tool } from "./tool.ts";

export interface ColdArgs {
  readonly figures: Figures;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Called with each system that is whole, before it goes. */
  readonly seen: (tool: Tool, brokers: readonly string[], balancers: readonly string[]) => Promise<void>;
}

export interface Round extends ColdArgs {
  readonly tool: Tool;
  readonly size: number;
  /** What is recorded of it; with none of these the lab is only made. */
  readonly record: readonly Part[];
  /** How the end state is to be compared. */
  readonly compare?: (state: Map<string, string>) => void;
}

/** One lab of one tool: made, looked at, changed, removed. A run that fails is recorded as such. */
export async function round(args: Round): Promise<void> {
  const { tool, size, record, figures, signal, say, seen, compare } = args;
  const { name: who } = tool;
  const what = `${size} brokers`;
  const made = (["cold", "grow"] as const).find((part) => record.includes(part));
  let lab: Lab | undefined;
  try {
    lab = await tool.open(size);
    const seconds = await lab.make();
    // All tools say themselves when they are done; this only asks whether it is so.
    await whole(lab.site, 5);
    say(`${who}, ${what} from nothing: ${seconds.toFixed(1)} s`);
    if (made !== undefined) figures.add({ part: made, what, who, unit: "s" }, seconds);
    await seen(tool, lab.site.brokers, lab.site.balancers);
    if (compare !== undefined) compare(await endState(lab.site));
    for (const change of lab.changes) {
      if (!record.includes(change.part)) continue;
      const key = { part: change.part, what: change.what, who, unit: "s" } as const;
      try {
        const taken = await change.run();
        figures.add(key, taken);
        say(`${who}, ${change.what}: ${taken.toFixed(1)} s`);
      } catch (error) {
        signal.throwIfAborted();
        figures.fail(key, error);
        say(`${who}, ${change.what}: FAILED: ${String(error)}`);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (made !== undefined) figures.fail({ part: made, what, who, unit: "s" }, error);
    say(`${who}, ${what}: FAILED: ${String(error)}`);
  } finally {
    await lab?.remove();
  }
}

/** @returns a comparer for the first systems of each tool, and what it found */
export function comparer(reference: string): {
  readonly found: Record<string, string[]>;
  readonly take: (tool: Tool) => ((state: Map<string, string>) => void) | undefined;
} {
  const states = new Map<string, Map<string, string>>();
  const found: Record<string, string[]> = {};
  const judge = (): void => {
    const wanted = states.get(reference);
    if (wanted === undefined) return;
    for (const [name, state] of states) {
      if (name !== reference) found[name] = differences(wanted, state);
    }
  };
  return {
    found,
    take: ({ name }) =>
      states.has(name)
        ? undefined
        : (state) => {
            states.set(name, state);
            judge();
          },
  };
}
