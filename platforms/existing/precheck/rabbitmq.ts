/** The RabbitMQ that existing machines have or are offered: what the probe says of it, and the faults in it. */
import type { BrokerPackage, RabbitmqVersion } from "../../../hosts/rabbitmq-version.ts";
import {
  abilitiesOf,
  describeRabbitmq,
  rabbitmqVersion,
  statedVersion,
} from "../../../hosts/rabbitmq-version.ts";
import { upgradeFault } from "../../../hosts/upgrade-paths.ts";
import { allSeries, compareSeries, seriesNameOf } from "../../../hosts/rabbitmq-series.ts";
import { joinNames } from "../../../config/faults.ts";
import type { ProbedHost } from "./faults.ts";
import { machineLabel, type IntendedSetup } from "./probe-target.ts";

/** @returns what a probe's lines say; a version that names no series is unknown */
export function parseBrokerPackage(first: (key: string) => string | undefined): BrokerPackage {
  const version = (key: string): string | undefined => {
    const text = first(key);
    return text === undefined || seriesNameOf(text) === undefined ? undefined : text;
  };
  const [installed, offered] = [version("installed"), version("offered")];
  return {
    ...(installed === undefined ? {} : { installed }),
    ...(offered === undefined ? {} : { offered }),
  };
}

/** @returns a line for each broker that the RabbitMQ to be run does not allow */
export function rabbitmqFaults(probed: readonly ProbedHost[], plan: IntendedSetup): string[] {
  const brokers = probed.filter(({ machine }) => machine.role === "broker");
  return [
    ...abilityFaults(brokers, plan),
    ...tooOldFaults(brokers),
    ...unfitFaults(brokers, plan),
    ...mixedSeriesFaults(brokers, plan),
    ...upgradeFaults(brokers, plan),
  ];
}

/** A stated version to which no rolling upgrade leads. */
function upgradeFaults(brokers: readonly ProbedHost[], { packages }: IntendedSetup): string[] {
  const { brokerVersion } = packages;
  if (brokerVersion === undefined) return [];
  return brokers.flatMap(({ machine, facts }) => {
    const { installed } = facts.rabbitmq;
    const fault = installed === undefined ? undefined : upgradeFault(installed, brokerVersion);
    return fault === undefined
      ? []
      : [`${machineLabel(machine)}: packages.rabbitmq.version = "${brokerVersion}": ${fault}`];
  });
}

/** Mirrored queues and ram nodes that the version does not have, which the configuration alone could not know. */
function abilityFaults(
  brokers: readonly ProbedHost[],
  { os, packages, queues, ramNodes }: IntendedSetup,
): string[] {
  const rabbitmq = rabbitmqVersion(
    os,
    packages,
    brokers.map(({ facts }) => facts.rabbitmq),
  );
  const { hasMirrors, hasRamNodes } = abilitiesOf(rabbitmq);
  const what = describeRabbitmq(rabbitmq, os);
  const mirrorFault = `rabbitmq.queues: ${what} has no mirrored queues; write rabbitmq.queues: quorum, and remove rabbitmq.policy`;
  const ram = brokers.filter(({ machine }) => ramNodes.includes(machine.name));
  return [
    ...(queues === "mirrored" && !hasMirrors ? [mirrorFault] : []),
    ...(hasRamNodes ? [] : ram).map(
      ({ machine }) =>
        `${machineLabel(machine)}: is to be a ram node, which ${what} does not support; write type: disc, or leave the key out`,
    ),
  ];
}

/** A broker whose installed RabbitMQ is older than any that the program knows. */
function tooOldFaults(brokers: readonly ProbedHost[]): string[] {
  const [oldest] = allSeries;
  return brokers.flatMap(({ machine, facts }) => {
    const { installed } = facts.rabbitmq;
    const series = installed === undefined ? undefined : seriesNameOf(installed);
    if (series === undefined || oldest === undefined || compareSeries(series, oldest.series) >= 0) return [];
    return [
      `${machineLabel(machine)}: has RabbitMQ ${installed ?? ""}, which stays, and the oldest that the program can set up is ${oldest.series}; ` +
        "upgrade it, or remove the package and move its data away",
    ];
  });
}

/**
 * A broker that has or would get another version than the configuration is written for, and might not start with it.
 * A stated series or RPM changes no RabbitMQ that is installed.
 */
function unfitFaults(brokers: readonly ProbedHost[], { os, packages, queues }: IntendedSetup): string[] {
  if (packages.brokerVersion !== undefined) return [];
  const written = rabbitmqVersion(os, packages);
  return brokers.flatMap(({ machine, facts }) => {
    const { installed, offered } = facts.rabbitmq;
    const version = installed ?? (written.from === "expected" ? offered : undefined);
    if (version === undefined || canRead(version, written, queues)) return [];
    const has = installed === undefined ? "would get" : "has";
    return [
      `${machineLabel(machine)}: ${has} RabbitMQ ${version}, and its configuration would be that of ${describeRabbitmq(written, os)}; ` +
        `write packages.rabbitmq.version: "${version}", or to upgrade the version that is wanted: docs/rolling.md`,
    ];
  });
}

/** The scopes of a default queue type, each of which includes those before it. */
const typeScopes = ["none", "virtual host", "node"];

/**
 * Without its partition handling a broker with Mnesia would run on alone in a minority; one without Mnesia takes the line and
 * does not use it (rabbit.schema of 4.3).
 * @returns whether a version accepts, and needs no more than, what is configured for another one
 */
function canRead(version: string, written: RabbitmqVersion, queues: IntendedSetup["queues"]): boolean {
  const [has, needs] = [abilitiesOf({ ...written, version }), abilitiesOf(written)];
  if (has.hasMnesia && !needs.hasMnesia) return false;
  if (queues === "mirrored") return true;
  const hasType = typeScopes.indexOf(has.defaultQueueType) >= typeScopes.indexOf(needs.defaultQueueType);
  return hasType && (has.hasQuorumPolicies || !needs.hasQuorumPolicies);
}

/** A broker that would get another series than the others have, and so not join their cluster. */
function mixedSeriesFaults(brokers: readonly ProbedHost[], { packages }: IntendedSetup): string[] {
  if (packages.brokerVersion !== undefined) return [];
  const offer = ({ facts }: ProbedHost): string | undefined =>
    statedVersion(packages) ?? facts.rabbitmq.offered;
  const installed = brokers.flatMap(({ facts }) => facts.rabbitmq.installed ?? []);
  const offered = brokers.flatMap((each) => offer(each) ?? []);
  const [wanted] = installed.length > 0 ? installed : offered;
  if (wanted === undefined) return [];
  const others = [...new Set((installed.length > 0 ? installed : [wanted]).map(seriesNameOf))];
  return brokers.flatMap((broker) => {
    const { machine, facts } = broker;
    const offered = offer(broker);
    if (facts.rabbitmq.installed !== undefined || offered === undefined) return [];
    if (others.includes(seriesNameOf(offered))) return [];
    return [
      `${machineLabel(machine)}: its package sources offer RabbitMQ ${offered}, and the other brokers ` +
        `${installed.length > 0 ? "have" : "are offered"} ${joinNames(others.map((each) => each ?? ""))}; give it the same sources, or state packages.rabbitmq.version`,
    ];
  });
}
