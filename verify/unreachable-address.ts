/** Says what may keep the network from passing on a virtual address that exactly one host holds. */
import { timeoutReason } from "./cause.ts";
import type { Finding } from "./finding.ts";

/** How reasonOf (cause.ts) describes an address from which nothing comes back. */
const silence = [timeoutReason, "no host answers", "no answer at"];

/** @returns undefined unless one host alone holds the address, and nothing comes back from it */
export function unreachableAddressHint(findings: readonly Finding[]): string | undefined {
  const isHeld = findings.some(({ check, ok }) => check === "holder" && ok);
  const isSilent = findings.some(
    ({ check, subject, ok, detail }) =>
      check === "console" &&
      subject === "virtual address" &&
      !ok &&
      silence.some((words) => detail.startsWith(words)),
  );
  if (!isHeld || !isSilent) return undefined;
  return (
    "One balancer holds the virtual address, and nothing comes back from it here. The network may drop an address that " +
    "was not given to the machine: in OpenStack add it to the allowed address pairs of the balancers' ports; in VMware " +
    "accept forged transmits and MAC address changes in their port group. Or no route leads to it from here."
  );
}
