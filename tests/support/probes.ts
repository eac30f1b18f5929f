/** The scripts that look at existing machines, which are no resources. */
import { probeScript, type Machine, type Plan } from "../../platforms/existing/probe.ts";

const login = { host: "", port: 22, user: "root", privateKey: "" };
const broker: Machine = { name: "mq1", address: "10.0.0.1", role: "broker", login };
const balancer: Machine = { name: "lb1", address: "10.0.0.4", role: "balancer", login };
const plan: Plan = {
  os: "rocky-9",
  machines: [broker, balancer],
  virtualAddress: "10.0.0.100",
  virtualRouterId: 51,
  ports: { amqp: 5672, management: 15672, prometheus: 15692 },
  statsPort: 8100,
};

/** @returns by the name of its copy below tests/unit/templates/rendered */
export function probes(): Readonly<Record<string, string>> {
  return {
    "existing/probe.sh": probeScript(broker, plan),
    "existing/balancer/probe.sh": probeScript(balancer, { ...plan, interface: "eth1" }),
  };
}
