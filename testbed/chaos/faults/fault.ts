/** What a fault is, and what it may use. */
import type { System } from "../../../verify/outputs.ts";

/** Seconds, each from the issue's own text; what is not stated has no bound. */
export interface Goals {
  /** From the fault until one and only one host holds the address, and how long new clients are not served by it. */
  readonly address?: number;
  /** How long the publisher that fares worst may stand still between the fault and its healing. */
  readonly publishing?: number;
  /** Whether `verify`, asked while it lasts, has to notice. @default true */
  readonly noticed?: boolean;
}

/** Where a fault is made. */
export interface Scene {
  readonly system: System;
  /** The brokers' and balancers' names. */
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  /** The balancer that holds the virtual address. */
  readonly holder: string;
  /** @returns a host's address */
  address(host: string): string;
  /** The fault is there from now on. Called once, at the very moment, or with it, by performance.now(). */
  strike(at?: number): void;
  /** All packets of the host stop, at the moment of the fault unless it has come already. */
  fallSilent(...hosts: readonly string[]): Promise<void>;
  /** The packets of the host pass again. */
  speak(host: string): Promise<void>;
  /** Packets first, then power. */
  powerOff(...hosts: readonly string[]): Promise<void>;
  powerOn(host: string): Promise<void>;
  /** Shuts the host down in order, and starts it again. */
  restart(host: string): Promise<void>;
}

export interface Fault {
  /** As `--only` takes it. */
  readonly name: string;
  readonly what: string;
  /** Seconds between the fault and its healing, at least. */
  readonly hold: number;
  /** Seconds from the fault until `verify` is asked. @default 3 */
  readonly ask?: number;
  readonly goals: Goals;
  readonly inject: (scene: Scene) => Promise<void>;
  /** What a person or the power company does. @default nothing: the system has to heal itself */
  readonly heal?: (scene: Scene) => Promise<void>;
  /** Puts the host right when the system did not, after everything was measured. */
  readonly tidy?: (scene: Scene) => Promise<void>;
}
