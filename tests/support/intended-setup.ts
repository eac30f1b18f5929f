/** What tests of the precheck want the machines to become, but for the machines themselves. */
import { defaultPorts } from "../../hosts/protocol-ports.ts";
import type { IntendedSetup } from "../../platforms/existing/precheck/probe-target.ts";

export const intendedSetup: Omit<IntendedSetup, "machines"> = {
  os: "debian-12",
  virtualAddress: "10.0.0.100",
  virtualRouterId: 51,
  ports: defaultPorts,
  plugins: ["rabbitmq_management", "rabbitmq_prometheus"],
  statsPort: 8100,
  stack: { id: "prod-a1", name: "prod" },
  takeOver: [],
  replaceFiles: false,
  packages: {},
  queues: "mirrored",
  ramNodes: [],
};
