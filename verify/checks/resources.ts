/** Names of resources that several checks name for a re-run. */
import type { System } from "../outputs.ts";
import { keepalivedServiceName } from "../../hosts/resource-names.ts";

/** @returns each balancer's resource for Keepalived, which brings the virtual address up */
export function keepalivedServiceNames({ balancers }: Pick<System, "balancers">): string[] {
  return balancers.map(({ name }) => keepalivedServiceName(name));
}
