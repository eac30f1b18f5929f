/** Messages about brokers that wait for one that is not there, and reasons not to start one without it. */
import type { StartDeadlock } from "../verify/finding.ts";
import { type BrokerStates, missingPeersOf, stoppedLaterThan } from "../verify/start-deadlock.ts";
import { npmCommand } from "./stack.ts";

const joined = (names: readonly string[]): string => names.join(", ");

function replaceCommand(gone: readonly string[], stack: string): string {
  const [name = "", ...others] = gone;
  return npmCommand("up", stack, "--replace", others.length === 0 ? name : "NAME");
}

/** @returns which broker waits for which, and what to do */
export function startDeadlockMessage(
  { waiting, gone, notStarting, lastStopped }: StartDeadlock,
  stack: string,
): string {
  const lines = waiting.map(
    ({ name, lastRunningPeers }) => `  ${name} waits for ${joined(lastRunningPeers)}`,
  );
  return [
    "These brokers do not start, because other brokers ran longer and have newer state:",
    ...lines,
    ...notStarting.map(
      ({ name, active }) =>
        `${name} is reachable, and its rabbitmq-server is ${active}: start it (${npmCommand("up", stack, "--repair")}), and the others start too.`,
    ),
    ...(gone.length === 0 ? [] : goneMessage(gone, lastStopped, stack)),
    ...(gone.length + notStarting.length > 0
      ? []
      : ["All of them are reachable: they start as soon as they see each other."]),
  ].join("\n");
}

function goneMessage(gone: readonly string[], last: string | undefined, stack: string): string[] {
  const several = gone.length > 1;
  const missing = `${joined(gone)} cannot be logged in to, or ${several ? "have" : "has"} no data any more.`;
  const remedy = `${missing} Switch ${several ? "one of them" : "it"} on, and the others start by themselves.`;
  if (last === undefined) return [remedy];
  return [
    remedy,
    `Only if ${several ? "all of them are" : "it is"} gone for good, start ${last} without ${several ? "them" : "it"}; it stopped last of the reachable brokers:`,
    `  ${npmCommand("up", stack, "--force-boot", last)}`,
    `This loses what only ${joined(gone)} ${several ? "have" : "has"}: ${lostData(last)}. Then replace ${several ? "them" : "it"}: ${replaceCommand(gone, stack)}`,
  ];
}

/** @returns what only the brokers that ran longer than this one may have */
function lostData(name: string): string {
  return `what was confirmed, declared or changed after ${name} had stopped, and queues that have no copy on ${name}`;
}

/** @returns what is lost by starting a broker without those that it waits for */
export function dataLossMessage(name: string, states: BrokerStates, stack: string): string {
  const gone = missingPeersOf(name, states);
  return [
    `${name} is started without ${joined(gone)}. This loses what only ${joined(gone)} has: ${lostData(name)}.`,
    `When the others serve clients, replace ${joined(gone)}: ${replaceCommand(gone, stack)}`,
  ].join("\n");
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
  if (!state.isWaiting) {
    return `${name} does not wait for another broker (its rabbitmq-server is ${state.active}); see which checks fail: ${npmCommand("verify", stack)}`;
  }
  const later = stoppedLaterThan(name, states);
  for (const other of later) {
    const { active, isWaiting } = states.get(other) ?? {};
    return isWaiting === true
      ? `${other} ran longer than ${name} and waits too; if those that it waits for are gone for good, run: ${npmCommand("up", stack, "--force-boot", other)}`
      : `${other} ran longer than ${name} and is reachable (its rabbitmq-server is ${active ?? "unknown"}); start it, and ${name} starts too`;
  }
  if (missingPeersOf(name, states).length === 0)
    return `all brokers that ${name} waits for are reachable; it starts with them`;
  return undefined;
}
