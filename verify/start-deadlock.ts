/** Brokers that wait for each other: they were stopped one after another, and the one that stopped last is missing. */
import { needsOperator, type StartDeadlock, type Verdict } from "./finding.ts";

/** The state of a broker, as its host reports it. */
export interface BrokerState {
  /** systemd's ActiveState of rabbitmq-server. */
  readonly active: string;
  /** Whether its start waits for another broker's tables. */
  readonly isWaiting: boolean;
  /** The other brokers that run now or, if it is stopped, ran when it stopped; absent where it has no data. */
  readonly lastRunningPeers?: readonly string[] | undefined;
}

/** By broker name, without the brokers whose hosts cannot be asked. */
export type BrokerStates = ReadonlyMap<string, BrokerState>;

/** @returns the brokers with data that stopped later than this one; of two that stopped at once neither is later */
export function stoppedLaterThan(name: string, states: BrokerStates): string[] {
  const beside = states.get(name)?.lastRunningPeers ?? [];
  return beside.filter((other) => states.get(other)?.lastRunningPeers?.includes(name) === false);
}

/** @returns the brokers that a broker waits for and that have no data or cannot be asked */
export function missingPeersOf(name: string, states: BrokerStates): string[] {
  const beside = states.get(name)?.lastRunningPeers ?? [];
  return beside.filter((other) => states.get(other)?.lastRunningPeers === undefined);
}

/**
 * @param names the brokers' names, in the stack's order
 * @returns undefined where no broker waits
 */
export function findStartDeadlock(names: readonly string[], states: BrokerStates): StartDeadlock | undefined {
  const waiting = names.flatMap((name) => {
    const { isWaiting = false, lastRunningPeers = [] } = states.get(name) ?? {};
    return isWaiting ? [{ name, lastRunningPeers }] : [];
  });
  if (waiting.length === 0) return undefined;
  const awaited = names.filter((name) =>
    waiting.some(({ lastRunningPeers }) => lastRunningPeers.includes(name)),
  );
  const gone = awaited.filter((name) => states.get(name)?.lastRunningPeers === undefined);
  const idle = awaited.flatMap((name) => {
    const { active, isWaiting, lastRunningPeers } = states.get(name) ?? {};
    return active === undefined || lastRunningPeers === undefined || isWaiting === true
      ? []
      : [{ name, active }];
  });
  const [last] = waiting
    .filter(({ name }) => stoppedLaterThan(name, states).length === 0)
    .sort((one, other) => one.lastRunningPeers.length - other.lastRunningPeers.length);
  return {
    waiting,
    gone,
    notStarting: idle,
    ...(idle.length > 0 || last === undefined ? {} : { lastStopped: last.name }),
  };
}

/** @returns the verdict for a broker that waits; undefined for one that does not */
export function judgeWaiting(name: string, standstill: StartDeadlock | undefined): Verdict | undefined {
  const beside = standstill?.waiting.find((each) => each.name === name)?.lastRunningPeers;
  if (standstill === undefined || beside === undefined) return undefined;
  const found = `rabbitmq-server waits for ${beside.join(", ")}, which ran longer than ${name}`;
  return { ...needsOperator(found, startAdvice(standstill)), startDeadlock: standstill };
}

function startAdvice({ gone, notStarting, lastStopped }: StartDeadlock): string {
  if (notStarting.length > 0)
    return `start rabbitmq-server on ${notStarting.map(({ name }) => name).join(", ")}`;
  if (gone.length === 0 || lastStopped === undefined) return "wait until all of them have started";
  return `switch on ${gone.join(", ")}; if gone for good, run this with --force-boot ${lastStopped} instead of --repair`;
}
