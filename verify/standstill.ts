/** Brokers that were stopped one after another, of which the last is not there: the others wait for it. */
import { unmendable, type Standstill, type Verdict } from "./finding.ts";

/** What a broker's host says of it. */
export interface BrokerState {
  /** systemd's word for rabbitmq-server. */
  readonly active: string;
  /** Whether its start waits for another broker's tables. */
  readonly waits: boolean;
  /** The others that still ran when it stopped, or that it runs beside; absent where it has no data. */
  readonly beside?: readonly string[] | undefined;
}

/** By the broker's name; of one whose host cannot be asked there is none. */
export type BrokerStates = ReadonlyMap<string, BrokerState>;

/** @returns the brokers with data that stopped later than this one; two that stopped at once did neither */
export function laterThan(name: string, states: BrokerStates): string[] {
  const beside = states.get(name)?.beside ?? [];
  return beside.filter((other) => states.get(other)?.beside?.includes(name) === false);
}

/** @returns of the brokers that a broker waits for those that it waits for in vain */
export function goneOf(name: string, states: BrokerStates): string[] {
  const beside = states.get(name)?.beside ?? [];
  return beside.filter((other) => states.get(other)?.beside === undefined);
}

/**
 * @param names the brokers' names, in their order
 * @returns undefined where nobody waits
 */
export function standstillOf(names: readonly string[], states: BrokerStates): Standstill | undefined {
  const waiting = names.flatMap((name) => {
    const { waits = false, beside = [] } = states.get(name) ?? {};
    return waits ? [{ name, beside }] : [];
  });
  if (waiting.length === 0) return undefined;
  const awaited = names.filter((name) => waiting.some(({ beside }) => beside.includes(name)));
  const gone = awaited.filter((name) => states.get(name)?.beside === undefined);
  const idle = awaited.flatMap((name) => {
    const { active, waits, beside } = states.get(name) ?? {};
    return active === undefined || beside === undefined || waits === true ? [] : [{ name, active }];
  });
  const [last] = waiting
    .filter(({ name }) => laterThan(name, states).length === 0)
    .sort((one, other) => one.beside.length - other.beside.length);
  return { waiting, gone, idle, ...(idle.length > 0 || last === undefined ? {} : { last: last.name }) };
}

/** @returns what to say of a broker that waits; undefined of one that does not */
export function waitVerdict(name: string, standstill: Standstill | undefined): Verdict | undefined {
  const beside = standstill?.waiting.find((each) => each.name === name)?.beside;
  if (standstill === undefined || beside === undefined) return undefined;
  const found = `rabbitmq-server waits for ${beside.join(", ")}, which ran longer than ${name}`;
  return { ...unmendable(found, remedy(standstill)), standstill };
}

function remedy({ gone, idle, last }: Standstill): string {
  if (idle.length > 0) return `start rabbitmq-server on ${idle.map(({ name }) => name).join(", ")}`;
  if (gone.length === 0 || last === undefined) return "wait until all of them have started";
  return `switch on ${gone.join(", ")}; if gone for good, run this with --force-boot ${last} in place of --repair`;
}
