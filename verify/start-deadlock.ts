/**
 * Brokers that wait for each other. With Mnesia they were stopped one after another, and the one that stopped last is
 * missing. With Khepri a majority of the cluster's members is missing.
 */
import { needsOperator, type StartDeadlock, type Verdict } from "./finding.ts";

/** The state of a broker, as its host reports it. */
export interface BrokerState {
  /** systemd's ActiveState of rabbitmq-server. */
  readonly active: string;
  /** Whether its start waits for another broker's tables. */
  readonly isWaiting: boolean;
  /** Whether it was started without the others, with Khepri, by a run that was cut off. @default false */
  readonly isForced?: boolean;
  /** The other brokers that run now or, if it is stopped, ran when it stopped; absent where it has no data. */
  readonly lastRunningPeers?: readonly string[] | undefined;
  /**
   * With Khepri, how new the tables are of a broker that waits: the last entry of its log, as its term and its index. Its
   * `lastRunningPeers` are the other members of the store then.
   */
  readonly position?: readonly [number, number] | undefined;
}

/** By broker name, without the brokers whose hosts cannot be asked. */
export type BrokerStates = ReadonlyMap<string, BrokerState>;

/**
 * @returns the brokers with data that stopped later than this one; of two that stopped at once neither is later. With
 * Khepri, those with newer tables, and those that do not say because they do not wait
 */
export function stoppedLaterThan(name: string, states: BrokerStates): string[] {
  const { lastRunningPeers: beside = [], position } = states.get(name) ?? {};
  if (position !== undefined) {
    return beside.filter((other) => {
      const state = states.get(other);
      return state?.lastRunningPeers !== undefined && !isUpTo(state.position, position);
    });
  }
  return beside.filter((other) => states.get(other)?.lastRunningPeers?.includes(name) === false);
}

function isUpTo(position: BrokerState["position"], other: readonly [number, number]): boolean {
  if (position === undefined) return false;
  return position[0] < other[0] || (position[0] === other[0] && position[1] <= other[1]);
}

/**
 * Whether a broker is just between two starts, or at the beginning of one, and will soon say whether it waits. Before RabbitMQ
 * 4.2 a start with Khepri gives up after half a minute without a majority, and systemd makes another.
 */
export function isAnyBetweenStarts(states: BrokerStates): boolean {
  return [...states.values()].some(({ active, isWaiting }) => active === "activating" && !isWaiting);
}

/** @returns how many members a broker's store needs to start, and how many of them are there; undefined without Khepri */
export function majorityOf(
  name: string,
  states: BrokerStates,
): { readonly members: number; readonly needed: number; readonly present: number } | undefined {
  const { position, lastRunningPeers: peers = [] } = states.get(name) ?? {};
  if (position === undefined) return undefined;
  const members = peers.length + 1;
  const present = members - missingPeersOf(name, states).length;
  return { members, needed: Math.floor(members / 2) + 1, present };
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
  const majority = waiting.map(({ name }) => majorityOf(name, states)).find((each) => each !== undefined);
  const canStart = majority !== undefined && majority.present >= majority.needed;
  return {
    waiting,
    gone,
    notStarting: idle,
    ...(idle.length > 0 || last === undefined || canStart ? {} : { lastStopped: last.name }),
    ...(majority === undefined ? {} : { majority }),
  };
}

/** @returns the verdict for a broker that waits; undefined for one that does not */
export function judgeWaiting(name: string, deadlock: StartDeadlock | undefined): Verdict | undefined {
  const beside = deadlock?.waiting.find((each) => each.name === name)?.lastRunningPeers;
  if (deadlock === undefined || beside === undefined) return undefined;
  const { majority } = deadlock;
  const found =
    majority === undefined
      ? `rabbitmq-server waits for ${beside.join(", ")}, which ran longer than ${name}`
      : `rabbitmq-server waits for ${majority.needed} of the cluster's ${majority.members} members: itself, ${beside.join(", ")}`;
  return { ...needsOperator(found, startAdvice(deadlock)), startDeadlock: deadlock };
}

function startAdvice({ gone, notStarting, lastStopped }: StartDeadlock): string {
  if (notStarting.length > 0)
    return `start rabbitmq-server on ${notStarting.map(({ name }) => name).join(", ")}`;
  if (gone.length === 0 || lastStopped === undefined) return "wait until all of them have started";
  return `switch on ${gone.join(", ")}; if gone for good, run this with --force-boot ${lastStopped} instead of --repair`;
}
