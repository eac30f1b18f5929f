/** Moves whose command is killed, and run again. */
import assert from "node:assert/strict";
import type { Direction } from "../../../migration/direction.ts";
import { move, type Outcome } from "../../../migration/move.ts";
import { type FakeClusters, Killed } from "./fake-clusters.ts";

export const options = { maxGapSeconds: 5, leavesStreams: false };

/** How often the command is run before it is given up. */
const mostRuns = 20;

/** Has the command be killed once, before or after its step of this number. */
export function killAt(clusters: FakeClusters, when: "before" | "after", step: number): void {
  const others = clusters[when];
  let left = step;
  clusters[when] = (call) => {
    others(call);
    left -= 1;
    if (left === -1) throw new Killed();
  };
}

/** Runs the command, again after each kill. */
export async function moveAtLast(clusters: FakeClusters, wanted: Direction): Promise<Outcome> {
  for (let runs = 0; runs < mostRuns; runs += 1) {
    try {
      return await move(clusters, wanted, options);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      clusters.isKilled = false;
      clusters.live();
    }
  }
  assert.fail("never done");
}
