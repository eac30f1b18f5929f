/** Takes the place of the look at machines that are simply there, and at this one. */
import type { Found } from "../../platforms/existing/existing.ts";
import type { PrecheckArgs } from "../../platforms/existing/precheck.ts";

export function precheck({ machines }: PrecheckArgs): Promise<ReadonlyMap<string, Found>> {
  const found = { interface: "ens18", prefixLength: 23 };
  return Promise.resolve(
    new Map(machines.map(({ name }) => [name, { ...found, machineId: `id-of-${name}` }])),
  );
}

export function checkLabTools(): void {
  // Whatever is installed here, nothing is made with it.
}
