/** The scripts that probe existing machines; they belong to no resource. */
import { renderProbeScript } from "../../platforms/existing/precheck/probe.ts";
import { renderBastionScript } from "../../platforms/existing/precheck/bastion.ts";
import { renderNeighboursScript } from "../../platforms/existing/precheck/neighbours.ts";
import type { ProbeTarget, IntendedSetup } from "../../platforms/existing/precheck/probe-target.ts";
import { intendedSetup } from "./intended-setup.ts";

const login = { host: "", port: 22, user: "root", privateKey: "" };
const broker: ProbeTarget = { name: "mq1", address: "10.0.0.1", role: "broker", login };
const balancer: ProbeTarget = { name: "lb1", address: "10.0.0.4", role: "balancer", login };
const plan: IntendedSetup = {
  ...intendedSetup,
  os: "rocky-9",
  machines: [broker, balancer],
};

/** @returns each script, by the name of its copy below tests/unit/templates/rendered */
export function probeScripts(): Readonly<Record<string, string>> {
  return {
    "existing/probe.sh": renderProbeScript(broker, plan),
    "existing/balancer/probe.sh": renderProbeScript(balancer, { ...plan, interface: "eth1" }),
    "existing/bastion.sh": renderBastionScript(22),
    "existing/neighbours.sh": renderNeighboursScript("eth1", ["10.7.0.5", "10.7.0.6"]),
  };
}
