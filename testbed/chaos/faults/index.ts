/** All faults, in the order of their trials. */
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

/** The names of the faults that `npm test` runs with Debian 12's RabbitMQ. */
export const shortRunFaults: readonly string[] = ["haproxy-hung", "holder-off", "broker-off"];

/** The names of those that `npm test` runs with RabbitMQ 4.3: what depends on the version. */
export const shortBrokerFaults: readonly string[] = ["broker-killed", "brokers-off"];
