/** Publishes and consumes while a system is changed: no confirmed message may be lost, and the address must answer. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Load, defaultLoad } from "../../testbed/chaos/load.ts";
import { unservedMs } from "../../testbed/chaos/timeline.ts";
import { AddressWatch } from "../../testbed/chaos/address-watch.ts";
import type { System } from "../../verify/outputs.ts";

/** For how long in total new clients may be left unserved: a planned change does not move the address. */
const defaultOutageMs = 1000;

export interface Traffic {
  readonly confirmed: number;
  /** The longest time, in milliseconds, in which no publisher got a confirm. */
  readonly longestSilenceMs: number;
  /** The longest time, in milliseconds, in which some publisher got no confirm. */
  readonly longestGapMs: number;
}

/**
 * Publishes and consumes on the system's kinds of queues while the work is done. Every broker leads one queue of each type.
 * @param name of the queues; must be unused
 * @param toleratedOutageMs for how long in total new clients may be left unserved
 * @throws AssertionError if a confirmed message is lost or the address does not answer
 */
export async function underLoad(
  system: System,
  name: string,
  work: () => Promise<unknown>,
  toleratedOutageMs = defaultOutageMs,
): Promise<Traffic> {
  const watch = new AddressWatch(system);
  const load = new Load(system, name, defaultLoad);
  try {
    await watch.start();
    await load.start();
    await pause(2000);
    const from = performance.now();
    await work();
    await pause(2000);
    const to = performance.now();
    await load.stop();
    const ledgers = load.kinds.map((kind) => load.ledgers[kind]);
    const balances = ledgers.map((ledger) => ledger.balance());
    for (const [index, { lost, confirmed }] of balances.entries()) {
      assert.deepEqual(lost, [], `${String(load.kinds[index])} queues lost confirmed messages`);
      assert.ok(confirmed > 0, `${String(load.kinds[index])} queues: nothing was confirmed`);
    }
    const outageMs = unservedMs(watch.probes, { from, to });
    assert.ok(
      outageMs !== undefined && outageMs <= toleratedOutageMs,
      `new clients were not served for ${outageMs} ms; at most ${toleratedOutageMs} ms are allowed`,
    );
    return {
      confirmed: balances.reduce((sum, { confirmed }) => sum + confirmed, 0),
      longestSilenceMs: Math.max(...ledgers.map((ledger) => ledger.longestSilenceMs({ from, to }))),
      longestGapMs: Math.max(...ledgers.map((ledger) => ledger.longestGapMs({ from, to }))),
    };
  } finally {
    watch.stop();
    load.stopNow();
  }
}
