/** What one fault came to. */
import type { Kind } from "./load.ts";

/** What became of the messages on one kind of queue; times in milliseconds. */
export interface Traffic {
  readonly confirmed: number;
  /** Confirmed, and never received. */
  readonly lost: number;
  readonly duplicates: number;
  /** Given back by a broker because no queue took them, and published again. */
  readonly returned: number;
  /** The longest time, from the fault to the end, in which some publisher had no confirm. */
  readonly longestGap: number;
  /** The same for all of the kind's publishers together. */
  readonly longestSilence: number;
  /** The publisher that fared worst, between fault and healing: the sum of its gaps of a second and more. */
  readonly stoodStill: number;
  /** The longest gap from the healing on. */
  readonly gapAfterHealing: number;
}

/** Times in milliseconds; undefined where it did not happen at all. */
export interface Figures {
  readonly traffic: Readonly<Record<Kind, Traffic>>;
  /** From the fault until one and only one host that can be heard held the virtual address. */
  readonly oneHolder: number | undefined;
  /** For how long, between fault and healing, new clients were not greeted by a broker through the virtual address. */
  readonly unserved: number | undefined;
  /** From the healing until one and only one host held the address. */
  readonly oneHolderAfter: number | undefined;
  /** The most hosts that held the address at the same time, from the fault to the end. */
  readonly mostHolders: number;
  /** From the end of the healing (without one: from the fault) until every check was good. */
  readonly whole: number | undefined;
  /** The checks of `verify` that failed while the fault was there. */
  readonly noticed: readonly string[];
  /** What was still not good at the end. */
  readonly complaints: readonly string[];
  /** What `npm run up` did after it; undefined where it was not run. */
  readonly nextUp: NextUp | undefined;
}

export interface NextUp {
  readonly code: number;
  /** Such as `61 unchanged`. */
  readonly summary: string;
}

export interface Row {
  readonly fault: string;
  readonly what: string;
  /** The day, such as 2026-11-24. */
  readonly date: string;
  /** Undefined where the trial itself failed. */
  readonly figures: Figures | undefined;
  /** The goals that it missed, each with what was found instead. */
  readonly missed: readonly string[];
  /** The ends of the hosts' logs, where a goal was missed. */
  readonly logs: string;
}
