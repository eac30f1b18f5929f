/** The stage on which faults are made: does things to hosts, and tells the watch of them. */
import { powerOff, powerOn } from "../labs/hosts.ts";
import type { System } from "../../verify/outputs.ts";
import type { Scene } from "./faults/fault.ts";
import * as machines from "./machines.ts";
import type { Watch } from "./watch.ts";

export interface Stage extends Scene {
  /** When the fault came, by performance.now(); undefined before. */
  readonly struckAt: number | undefined;
}

export function stage(system: System, watch: Watch, holder: string): Stage {
  const balancers = system.balancers.map(({ name }) => name);
  const hosts = [...system.brokers, ...system.balancers];
  let struckAt: number | undefined;
  const strike = (at = performance.now()): void => {
    struckAt ??= at;
  };
  const isBalancer = (host: string): boolean => balancers.includes(host);
  const fallSilent = async (...names: readonly string[]): Promise<void> => {
    await Promise.all(names.map((host) => machines.silence(host)));
    strike();
    for (const host of names) watch.hears(host, false);
  };
  return {
    system,
    brokers: system.brokers.map(({ name }) => name),
    balancers,
    holder,
    get struckAt() {
      return struckAt;
    },
    address: (host) => hosts.find(({ name }) => name === host)?.address ?? "",
    strike,
    fallSilent,
    async speak(host) {
      await machines.heal(host);
      watch.hears(host, true);
    },
    async powerOff(...names) {
      await fallSilent(...names);
      await Promise.all(names.map((host) => powerOff(host)));
      for (const host of names) watch.detach(host);
    },
    async powerOn(host) {
      await powerOn(host);
      watch.hears(host, true);
      if (isBalancer(host)) await watch.attach(host);
    },
    async restart(host) {
      await machines.restart(host);
      if (isBalancer(host)) await watch.attach(host);
    },
  };
}
