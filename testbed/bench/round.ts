/** One round of one tool: from nothing, with nothing to change, with one setting to change, with more brokers. */
import { setTimeout as pause } from "node:timers/promises";
import type { Figures, Part } from "./figures.ts";
import { findDifferences, readEndState } from "./end-state.ts";
import { waitUntilHealthy } from "./site.ts";
import type { Lab, Tool } from "./tool.ts";

/** How long brokers that have just started keep the machine busy, which is no part of a change's time. */
const calmMs = 20_000;

export interface RoundContext {
  readonly figures: Figures;
  readonly signal: AbortSignal;
  readonly logProgress: (line: string) => void;
  /** Called with each healthy system, before it is removed. */
  readonly onSystemReady: (
    tool: Tool,
    brokers: readonly string[],
    balancers: readonly string[],
  ) => Promise<void>;
}

export interface RoundArgs extends RoundContext {
  readonly tool: Tool;
  readonly size: number;
  /** The parts to record; with none the lab is only created. */
  readonly recordedParts: readonly Part[];
  /** Receives the end state for comparison. */
  readonly compare?: (state: Map<string, string>) => void;
}

/** Creates one lab of one tool, checks it, times its changes and removes it. A failed run is recorded as failed. */
export async function runRound(args: RoundArgs): Promise<void> {
  const { tool, size, recordedParts, figures, signal, logProgress, onSystemReady, compare } = args;
  const { name: who } = tool;
  const what = `${size} brokers`;
  const made = (["cold", "grow"] as const).find((part) => recordedParts.includes(part));
  let lab: Lab | undefined;
  try {
    lab = await tool.open(size);
    const seconds = await lab.create();
    // Each tool determines itself when it is done; this only checks that it is.
    await waitUntilHealthy(lab.site, 5);
    logProgress(`${who}, ${what} from nothing: ${seconds.toFixed(1)} s`);
    if (made !== undefined) figures.add({ part: made, what, who, unit: "s" }, seconds);
    await onSystemReady(tool, lab.site.brokers, lab.site.balancers);
    if (compare !== undefined) compare(await readEndState(lab.site));
    const changes = lab.changes.filter(({ part }) => recordedParts.includes(part));
    if (changes.length > 0) await pause(calmMs, undefined, { signal });
    for (const change of changes) {
      const key = { part: change.part, what: change.what, who, unit: "s" } as const;
      try {
        const taken = await change.run();
        figures.add(key, taken);
        logProgress(`${who}, ${change.what}: ${taken.toFixed(1)} s`);
      } catch (error) {
        signal.throwIfAborted();
        figures.fail(key, error);
        logProgress(`${who}, ${change.what}: FAILED: ${String(error)}`);
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    if (made !== undefined) figures.fail({ part: made, what, who, unit: "s" }, error);
    logProgress(`${who}, ${what}: FAILED: ${String(error)}`);
  } finally {
    await lab?.remove();
  }
}

/** @returns a comparer for the first system of each tool, and the differences found */
export function createComparer(reference: string): {
  readonly found: Record<string, string[]>;
  readonly take: (tool: Tool) => ((state: Map<string, string>) => void) | undefined;
} {
  const states = new Map<string, Map<string, string>>();
  const found: Record<string, string[]> = {};
  const judge = (): void => {
    const wanted = states.get(reference);
    if (wanted === undefined) return;
    for (const [name, state] of states) {
      if (name !== reference) found[name] = findDifferences(wanted, state);
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
