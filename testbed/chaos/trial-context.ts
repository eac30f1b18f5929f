/** The context of one trial: acts on hosts, and updates the watch of the virtual address. */
import { powerOff, powerOn } from "../stacks/hosts.ts";
import type { System } from "../../verify/outputs.ts";
import type { TrialContext } from "./faults/fault.ts";
import * as machines from "./host-actions.ts";
import type { AddressWatch } from "./address-watch.ts";

export interface TimedTrialContext extends TrialContext {
  /** Start of the fault, by performance.now(); undefined before. */
  readonly faultStartedAt: number | undefined;
}

export function createTrialContext(system: System, watch: AddressWatch, holder: string): TimedTrialContext {
  const balancers = system.balancers.map(({ name }) => name);
  const hosts = [...system.brokers, ...system.balancers];
  let faultStartedAt: number | undefined;
  const markFaultStart = (at = performance.now()): void => {
    faultStartedAt ??= at;
  };
  const isBalancer = (host: string): boolean => balancers.includes(host);
  const fallSilent = async (...names: readonly string[]): Promise<void> => {
    await Promise.all(names.map((host) => machines.dropPackets(host)));
    markFaultStart();
    for (const host of names) watch.setReachable(host, false);
  };
  return {
    system,
    brokers: system.brokers.map(({ name }) => name),
    balancers,
    holder,
    get faultStartedAt() {
      return faultStartedAt;
    },
    addressOf: (host) => hosts.find(({ name }) => name === host)?.address ?? "",
    markFaultStart,
    dropPackets: fallSilent,
    async restorePackets(host) {
      await machines.restorePackets(host);
      watch.setReachable(host, true);
    },
    async powerOff(...names) {
      await fallSilent(...names);
      await Promise.all(names.map((host) => powerOff(host)));
      for (const host of names) watch.unfollowBalancer(host);
    },
    async powerOn(host) {
      await powerOn(host);
      watch.setReachable(host, true);
      if (isBalancer(host)) await watch.followBalancer(host);
    },
    async restart(host) {
      await machines.restartHost(host);
      if (isBalancer(host)) await watch.followBalancer(host);
    },
  };
}
