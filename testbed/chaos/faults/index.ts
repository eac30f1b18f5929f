/** All faults, in the order in which they are made. */
import { alarmFaults } from "./alarms.ts";
import { balancerFaults } from "./balancers.ts";
import { brokerFaults } from "./brokers.ts";
import type { Fault } from "./fault.ts";
import { networkFaults } from "./network.ts";

export const faults: readonly Fault[] = [
  ...brokerFaults,
  ...balancerFaults,
  ...networkFaults,
  ...alarmFaults,
];

/** Those of the short form, which is part of `npm test`. */
export const short: readonly string[] = ["broker-killed", "haproxy-hung", "holder-off", "broker-off"];
