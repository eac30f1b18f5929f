/** The names of resources that several checks point to. */
import type { System } from "./outputs.ts";
import { keepalivedServiceName } from "../hosts/resource-names.ts";

/** @returns what brings the virtual address up, on each balancer */
export function addressServices({ balancers }: Pick<System, "balancers">): string[] {
  return balancers.map(({ name }) => keepalivedServiceName(name));
}
