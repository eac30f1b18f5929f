/** A fault, and the context in which it is injected. */
import type { System } from "../../../verify/outputs.ts";

/** Goals in seconds, each from the issue's own text. A goal that is not set has no limit. */
export interface Goals {
  /** From the fault until exactly one host holds the address, and how long new clients are not served through it. */
  readonly addressSeconds?: number;
  /** How long the worst publisher may stand still between the fault and its healing. */
  readonly publishingSeconds?: number;
  /** Whether `verify`, run during the fault, has to notice it. @default true */
  readonly mustBeNoticed?: boolean;
}

/** The system of one trial, and what can be done to its hosts. */
export interface TrialContext {
  readonly system: System;
  /** The brokers' and balancers' names. */
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  /** The balancer that holds the virtual address. */
  readonly holder: string;
  /** @returns a host's address */
  addressOf(host: string): string;
  /** Records the start of the fault. Only the first call counts. @param at @default performance.now() */
  markFaultStart(at?: number): void;
  /** Drops all packets of the hosts. This starts the fault, unless it has started already. */
  dropPackets(...hosts: readonly string[]): Promise<void>;
  /** Stops dropping the host's packets. */
  restorePackets(host: string): Promise<void>;
  /** Drops the hosts' packets, then takes their power away. */
  powerOff(...hosts: readonly string[]): Promise<void>;
  powerOn(host: string): Promise<void>;
  /** Shuts the host down cleanly and starts it again. */
  restart(host: string): Promise<void>;
}

export interface Fault {
  /** The name for `--only`. */
  readonly name: string;
  readonly description: string;
  /** Seconds between the fault and its healing, at least. */
  readonly holdSeconds: number;
  /** Seconds from the fault until `verify` runs. @default 3 */
  readonly verifyAfterSeconds?: number;
  readonly goals: Goals;
  readonly inject: (context: TrialContext) => Promise<void>;
  /** What an operator, or the return of power, does. @default nothing: the system has to heal itself */
  readonly heal?: (context: TrialContext) => Promise<void>;
  /** Repairs the host after all measurements, when the system did not. */
  readonly cleanUp?: (context: TrialContext) => Promise<void>;
}
