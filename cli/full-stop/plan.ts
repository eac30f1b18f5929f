/** What a full stop has to do, by what the brokers' hosts say; a run that was killed is gone on with. */
import type { Fault } from "../from-hosts.ts";
import type { BrokerState } from "./hosts.ts";

/** Names of brokers, each list in its order. */
export interface FullStopPlan {
  /** One after the other: the last one has the newest messages. */
  readonly stop: readonly string[];
  /** Those that have the former value. */
  readonly change: readonly string[];
  /** The last one that is stopped is the first. */
  readonly start: readonly string[];
  /** Whether all brokers are to be stopped, and none has been yet. */
  readonly isNew: boolean;
  /** Whether no broker has the new value, so that all can start as they were. */
  readonly canGoBack: boolean;
}

const nameOf = ({ name }: BrokerState): string => name;

/**
 * A broker is changed only once every one is stopped and marked, and starts only once it is changed. So where the brokers
 * that have the former value are all stopped and marked, a former run was beyond its last stop, and nothing is stopped.
 */
export function planFullStop(states: readonly BrokerState[], byTls: boolean): FullStopPlan {
  const isDone = ({ byTls: is, speaksTls }: BrokerState): boolean => is === byTls && speaksTls !== !byTls;
  const change = states.filter((state) => !isDone(state));
  const all = states.map(nameOf);
  if (change.every(({ isMarked, runs }) => isMarked && !runs)) {
    // One that is about to start is waited for.
    const start = states.filter(({ isMarked, speaksTls }) => isMarked || speaksTls === null).map(nameOf);
    return { stop: [], change: change.map(nameOf), start, isNew: false, canGoBack: false };
  }
  return {
    stop: all.toReversed(),
    change: change.map(nameOf),
    start: all,
    isNew: !states.some(({ isMarked }) => isMarked),
    canGoBack: change.length === states.length,
  };
}

/** @returns why the plan must not be begun; what has begun is gone on with, in which brokers are alone and silent */
export function reasonsAgainst(
  plan: FullStopPlan,
  states: readonly BrokerState[],
  byTls: boolean,
): readonly Fault[] {
  if (!plan.isNew) return [];
  const [first] = states;
  return states.flatMap(({ name, apart, obstacle, distrust, authorities }) => {
    const isOther = byTls && authorities !== first?.authorities;
    const other = isOther ? `does not trust the same authorities as ${first?.name ?? ""}` : null;
    return [apart, obstacle, byTls ? distrust : null, other].flatMap((reason) =>
      reason === null ? [] : [{ name, reason }],
    );
  });
}
