/** Messages about brokers that wait for one that is not there, and reasons not to start one without it. */
import type { StartDeadlock } from "../verify/finding.ts";
import { type BrokerStates, majorityOf, missingPeersOf, stoppedLaterThan } from "../verify/start-deadlock.ts";
import { npmCommand } from "./stack.ts";

const joined = (names: readonly string[]): string => names.join(", ");

function replaceCommand(gone: readonly string[], stack: string): string {
  const [name = "", ...others] = gone;
  return npmCommand("up", stack, "--replace", others.length === 0 ? name : "NAME");
}

/** @returns which broker waits for which, and what to do */
export function startDeadlockMessage(
  { waiting, gone, notStarting, lastStopped, majority }: StartDeadlock,
  stack: string,
): string {
  const lines = waiting.map(
    ({ name, lastRunningPeers }) => `  ${name} waits for ${joined(lastRunningPeers)}`,
  );
  return [
    majority === undefined
      ? "These brokers do not start, because other brokers ran longer and have newer state:"
      : `These brokers do not start, because ${majority.needed} of the cluster's ${majority.members} members have to be there, and ${majority.present} ${majority.present === 1 ? "is" : "are"}:`,
    ...lines,
    ...notStarting.map(
      ({ name, active }) =>
        `${name} is reachable, and its rabbitmq-server is ${active}: start it (${npmCommand("up", stack, "--repair")}), and the others start too.`,
    ),
    ...(gone.length === 0 ? [] : goneMessage(gone, lastStopped, stack, majority)),
    ...(gone.length + notStarting.length > 0
      ? []
      : ["All of them are reachable: they start as soon as they see each other."]),
  ].join("\n");
}

function goneMessage(
  gone: readonly string[],
  last: string | undefined,
  stack: string,
  majority: StartDeadlock["majority"],
): string[] {
  const several = gone.length > 1;
  const missing = `${joined(gone)} cannot be logged in to, or ${several ? "have" : "has"} no data any more.`;
  const count = majority === undefined ? 1 : Math.max(1, majority.needed - majority.present);
  const enough = several ? (count === gone.length ? "all" : count === 1 ? "one" : String(count)) : "it";
  const remedy = `${missing} Switch ${several ? `${enough} of them` : enough} on, and the others start by themselves.`;
  if (last === undefined) return [remedy];
  const choice =
    majority === undefined
      ? "it stopped last of the reachable brokers"
      : "none of the reachable brokers has newer tables";
  return [
    remedy,
    `Only if ${several ? "all of them are" : "it is"} gone for good, start ${last} without ${several ? "them" : "it"}; ${choice}:`,
    `  ${npmCommand("up", stack, "--force-boot", last)}`,
    `This loses what only ${joined(gone)} ${several ? "have" : "has"}: ${lostData(last, majority !== undefined)}. Then replace ${several ? "them" : "it"}: ${replaceCommand(gone, stack)}`,
  ];
}

/** @returns what only the brokers that are gone may have */
function lostData(name: string, usesKhepri: boolean): string {
  if (!usesKhepri)
    return `what was confirmed, declared or changed after ${name} had stopped, and queues that have no copy on ${name}`;
  return `what was confirmed, declared or changed and had not reached ${name} yet, and queues that have no copy on ${name}; streams have no majority afterwards`;
}

/** @returns what is lost by starting a broker without those that it waits for */
export function dataLossMessage(name: string, states: BrokerStates, stack: string): string {
  const gone = missingPeersOf(name, states);
  if (states.get(name)?.isForced === true)
    return `${name} was started without the others, by a run that was cut off: what was left to do is done now.`;
  const usesKhepri = majorityOf(name, states) !== undefined;
  return [
    `${name} is started without ${joined(gone)}. This loses what only ${joined(gone)} ${gone.length > 1 ? "have" : "has"}: ${lostData(name, usesKhepri)}.`,
    `When the others serve clients, replace ${joined(gone)}: ${replaceCommand(gone, stack)}`,
  ].join("\n");
}

/** @param newest the newest backup, which was made while brokers still served */
export function restoreHint(newest: string | undefined, stack: string): string {
  return newest === undefined
    ? `No backup could be made before, since no broker served, and there is no earlier one of stack ${stack}.`
    : `No backup could be made before, since no broker served. What the newest one has that the cluster lacks: ${npmCommand("restore", stack, newest)}`;
}

/** @returns why a broker may not be started without the others, and what to do instead; undefined if it may */
export function refusalReason(
  name: string,
  names: readonly string[],
  states: BrokerStates,
  stack: string,
): string | undefined {
  if (!names.includes(name))
    return `${name} is no broker of stack ${stack}; its brokers are ${joined(names)}`;
  const state = states.get(name);
  if (state === undefined) return `${name} cannot be asked by SSH; switch it on first`;
  if (state.isForced === true) return undefined;
  if (!state.isWaiting) {
    return `${name} does not wait for another broker (its rabbitmq-server is ${state.active}); see which checks fail: ${npmCommand("verify", stack)}`;
  }
  const majority = majorityOf(name, states);
  if (majority !== undefined && majority.present >= majority.needed)
    return `${majority.present} of the cluster's ${majority.members} members are reachable, which is enough; start rabbitmq-server on all of them`;
  const later = stoppedLaterThan(name, states);
  for (const other of later) {
    const { active, isWaiting } = states.get(other) ?? {};
    const relation =
      majority === undefined
        ? `${other} ran longer than ${name}`
        : `${other} ${isWaiting === true ? "has newer tables" : "may have newer tables"} than ${name}`;
    return isWaiting === true
      ? `${relation} and waits too; if those that it waits for are gone for good, run: ${npmCommand("up", stack, "--force-boot", other)}`
      : `${relation} and is reachable (its rabbitmq-server is ${active ?? "unknown"}); start it, and ${majority === undefined ? `${name} starts too` : "run this again"}`;
  }
  if (missingPeersOf(name, states).length === 0)
    return `all brokers that ${name} waits for are reachable; it starts with them`;
  return undefined;
}
