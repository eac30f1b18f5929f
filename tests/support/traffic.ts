/** Clients at work while something is done to a system: nothing confirmed may be lost, and the address answers. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { kinds, Load, usual } from "../../testbed/chaos/load.ts";
import { unserved } from "../../testbed/chaos/timeline.ts";
import { Watch } from "../../testbed/chaos/watch.ts";
import type { System } from "../../verify/outputs.ts";

/** Milliseconds for which new clients may wait in vain, all in all: a change that is planned moves nobody's address. */
const tolerance = 1000;

export interface Traffic {
  readonly confirmed: number;
  /** Milliseconds in which no publisher at all had a confirm. */
  readonly longestSilence: number;
}

/**
 * Publishes and consumes on mirrored and on quorum queues, one of each led by every broker, while the work is done.
 * @param name of the queues, not used before
 * @throws AssertionError when a confirmed message is lost or the address did not answer
 */
export async function underLoad(
  system: System,
  name: string,
  work: () => Promise<unknown>,
): Promise<Traffic> {
  const watch = new Watch(system);
  const load = new Load(system, name, usual);
  try {
    await watch.start();
    await load.start();
    await pause(2000);
    const from = performance.now();
    await work();
    await pause(2000);
    const to = performance.now();
    await load.stop();
    const balances = kinds.map((kind) => load.ledgers[kind].balance());
    for (const [index, { lost, confirmed }] of balances.entries()) {
      assert.deepEqual(lost, [], `${String(kinds[index])} queues lost confirmed messages`);
      assert.ok(confirmed > 0, `${String(kinds[index])} queues: nothing was confirmed`);
    }
    const silent = unserved(watch.probes, { from, to });
    assert.ok(silent !== undefined && silent <= tolerance, `new clients waited in vain for ${silent} ms`);
    return {
      confirmed: balances.reduce((sum, { confirmed }) => sum + confirmed, 0),
      longestSilence: Math.max(...kinds.map((kind) => load.ledgers[kind].longestSilence({ from, to }))),
    };
  } finally {
    watch.stop();
    load.abandon();
  }
}
