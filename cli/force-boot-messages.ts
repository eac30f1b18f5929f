/** What is said of brokers that wait for one that is not there, and why one is not started without it. */
import type { Standstill } from "../verify/finding.ts";
import { type BrokerStates, goneOf, laterThan } from "../verify/standstill.ts";
import { npm } from "./stack.ts";

const list = (names: readonly string[]): string => names.join(", ");

function replacement(gone: readonly string[], stack: string): string {
  const [name = "", ...others] = gone;
  return npm("up", stack, "--replace", others.length === 0 ? name : "NAME");
}

/** @returns who waits for whom, and what there is to do */
export function standstillWords({ waiting, gone, idle, last }: Standstill, stack: string): string {
  const lines = waiting.map(({ name, beside }) => `  ${name} waits for ${list(beside)}`);
  return [
    "Brokers do not start, because others ran longer than they did and have the newest state:",
    ...lines,
    ...idle.map(
      ({ name, active }) =>
        `${name} is there, and its rabbitmq-server is ${active}: start it (${npm("up", stack, "--repair")}), and the others follow.`,
    ),
    ...(gone.length === 0 ? [] : goneWords(gone, last, stack)),
    ...(gone.length + idle.length > 0
      ? []
      : ["All of them are there: they start as soon as they see each other."]),
  ].join("\n");
}

function goneWords(gone: readonly string[], last: string | undefined, stack: string): string[] {
  const several = gone.length > 1;
  const missing = `${list(gone)} cannot be logged in to, or ${several ? "have" : "has"} no data any more.`;
  const on = `${missing} Switch ${several ? "one of them" : "it"} on, and the others follow by themselves.`;
  if (last === undefined) return [on];
  return [
    on,
    `Only if ${several ? "all of them are" : "it is"} gone for good, start without ${several ? "them" : "it"}, from what ${last} has, which stopped last of those that are here:`,
    `  ${npm("up", stack, "--force-boot", last)}`,
    `What ${list(gone)} alone ${several ? "have" : "has"} is lost then: ${loss(last)}. Then replace ${several ? "them" : "it"}: ${replacement(gone, stack)}`,
  ];
}

/** @returns what only the brokers that ran longer may have */
function loss(name: string): string {
  return `what was confirmed, declared or changed after ${name} had stopped, and queues that have no copy on ${name}`;
}

/** @returns what is given up by starting a broker without those that it waits for */
export function farewellWords(name: string, states: BrokerStates, stack: string): string {
  const gone = goneOf(name, states);
  return [
    `${name} is started without ${list(gone)}. Lost is what ${list(gone)} alone has: ${loss(name)}.`,
    `When the others serve, replace ${list(gone)}: ${replacement(gone, stack)}`,
  ].join("\n");
}

/** @returns why a broker is not to be started without the others, and what to do instead; undefined where it may be */
export function refusal(
  name: string,
  names: readonly string[],
  states: BrokerStates,
  stack: string,
): string | undefined {
  if (!names.includes(name)) return `${name} is no broker of stack ${stack}: these are ${list(names)}`;
  const state = states.get(name);
  if (state === undefined) return `${name} cannot be asked by SSH: it has to be switched on for this`;
  if (!state.waits) {
    return `${name} does not wait for another broker (its rabbitmq-server is ${state.active}); ${npm("verify", stack)} says what is not whole`;
  }
  const later = laterThan(name, states);
  for (const other of later) {
    const { active, waits } = states.get(other) ?? {};
    return waits === true
      ? `${other} ran longer than ${name} and waits too: if those that it waits for are gone for good, ${npm("up", stack, "--force-boot", other)}`
      : `${other} ran longer than ${name} and is there (its rabbitmq-server is ${active ?? "unknown"}): start that one, and ${name} follows`;
  }
  if (goneOf(name, states).length === 0)
    return `all brokers that ${name} waits for are there: it starts with them`;
  return undefined;
}
