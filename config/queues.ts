/** What `rabbitmq.queues` means: the policy and the default queue type, by the version of RabbitMQ. */
import type { OperatingSystem } from "../hosts/host.ts";
import {
  abilitiesOf,
  describeRabbitmq,
  rabbitmqVersion,
  type RabbitmqVersion,
} from "../hosts/rabbitmq-version.ts";
import { operatingSystems } from "../hosts/systems.ts";
import type { Fault } from "./faults.ts";
import { itemsOf, keysOf, textAt, type ConfigReading } from "./reading.ts";
import type { Policy, QueueKind, RabbitmqConfig } from "./types.ts";

/** What the user has set. */
export interface GivenQueues {
  readonly queues?: QueueKind;
  readonly policy: Partial<Policy>;
  readonly settings: RabbitmqConfig["settings"];
  readonly plugins: RabbitmqConfig["plugins"];
}

/**
 * The mirrors are the tutorial's (https://www.rabbitmq.com/docs/3.13/ha). RabbitMQ's own delivery limit from 4.0 on is
 * 20 (https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling): with it in the policy, a queue behaves the
 * same before and after an upgrade to 4.0, and everybody sees what drops a message.
 */
const defaultPolicies: Readonly<Record<QueueKind, Policy>> = {
  mirrored: { name: "ha-all", pattern: "^", definition: { "ha-mode": "all", "ha-sync-mode": "automatic" } },
  quorum: { name: "quorum-all", pattern: "^", definition: { "delivery-limit": 20 } },
};

const typeKey = "default_queue_type";

/** @returns the kind of queues, mirrored up to the last series that has mirrors unless stated */
function kindOf(rabbitmq: RabbitmqVersion, stated: QueueKind | undefined): QueueKind {
  return stated ?? (abilitiesOf(rabbitmq).hasMirrors ? "mirrored" : "quorum");
}

/** @returns whether rabbitmq.conf knows `default_queue_type`, as from 3.13.3 on */
function hasNodeQueueType(rabbitmq: RabbitmqVersion): boolean {
  return (
    abilitiesOf(rabbitmq).defaultQueueType === "node" && !/^(\d+:)?3\.13\.[0-2](?!\d)/.test(rabbitmq.version)
  );
}

/** The plug-ins that serve MQTT. */
const mqttPlugins = ["rabbitmq_mqtt", "rabbitmq_web_mqtt"];

/**
 * MQTT takes the node's default type for the exclusive queue of a clean session, which cannot be a quorum queue, and so
 * refuses each subscription with QoS 1 (rabbit_mqtt_processor.erl; seen on 4.3.6). A virtual host's default type does not
 * concern it; other sessions' queues have a setting of their own.
 * @returns the lines of rabbitmq.conf that make queues quorum queues
 */
function quorumSettings(plugins: RabbitmqConfig["plugins"]): RabbitmqConfig["settings"] {
  const hasMqtt = mqttPlugins.some((plugin) => plugins.includes(plugin));
  return hasMqtt ? { "mqtt.durable_queue_type": "quorum" } : { [typeKey]: "quorum" };
}

/** @returns the settings of the queues, with what was left out */
export function resolveQueues(
  given: GivenQueues,
  rabbitmq: RabbitmqVersion,
): Pick<RabbitmqConfig, "queues" | "policy" | "queueType" | "policyAppliesTo" | "settings"> {
  const queues = kindOf(rabbitmq, given.queues);
  const series = abilitiesOf(rabbitmq);
  const settings =
    queues === "quorum" && hasNodeQueueType(rabbitmq)
      ? { ...quorumSettings(given.plugins), ...given.settings }
      : given.settings;
  // A type that the user has set for the nodes is also that of the virtual hosts.
  const type = given.settings[typeKey] ?? "quorum";
  const isQuorum = queues === "quorum" && type === "quorum" && series.defaultQueueType !== "none";
  const ofQuorumQueues = series.hasQuorumPolicies ? "quorum_queues" : "queues";
  return {
    queues,
    policy: { ...defaultPolicies[queues], ...given.policy },
    // A definition of the user's own may be for exchanges, too.
    policyAppliesTo: queues === "quorum" && given.policy.definition === undefined ? ofQuorumQueues : "all",
    queueType: isQuorum ? "quorum" : "classic",
    settings,
  };
}

/** @returns what to warn of, once: quorum queues where no default type can be set */
export function queueWarning({ queues, queueType, settings }: RabbitmqConfig): string | undefined {
  if (queues !== "quorum" || queueType === "quorum" || typeKey in settings) return undefined;
  return "This RabbitMQ has no default queue type, which came with 3.10.8: only a queue that its client declares with x-queue-type: quorum is a quorum queue, and others have one copy";
}

/** Mirrors where there are none, and a policy of mirrors for quorum queues. */
export function queueFaults(reading: ConfigReading, os: string | undefined): Fault[] {
  const known = operatingSystems.find((each) => each === os);
  const path = ["rabbitmq", "queues"];
  if (known === undefined || reading.hasFault(path)) return [];
  const rabbitmq = configuredVersion(reading, known);
  const stated = textAt(reading, path) as QueueKind | undefined;
  const series = abilitiesOf(rabbitmq);
  const version = `${describeRabbitmq(rabbitmq, known)} has no mirrored queues`;
  const faults: Fault[] = [];
  if (stated === "mirrored" && !series.hasMirrors)
    faults.push({ path, value: stated, message: `${version}; write quorum, or leave the key out` });
  const typePath = ["rabbitmq", "settings", typeKey];
  const plugin = itemsOf(reading, ["rabbitmq", "plugins"])
    .map((item) => textAt(reading, item) ?? "")
    .find((each) => mqttPlugins.includes(each));
  if (plugin !== undefined && textAt(reading, typePath) === "quorum")
    faults.push({
      path: typePath,
      value: "quorum",
      message: `MQTT (${plugin}) then refuses subscriptions with QoS 1 in clean sessions; remove it: with rabbitmq.queues: quorum each virtual host has that type, and mqtt.durable_queue_type is quorum`,
    });
  const definition = ["rabbitmq", "policy", "definition"];
  const mirroring = keysOf(reading, definition).filter((key) => key.startsWith("ha-"));
  if (mirroring.length > 0 && (kindOf(rabbitmq, stated) === "quorum" || !series.hasMirrors)) {
    const reason = series.hasMirrors ? "is of mirrored queues, and rabbitmq.queues is quorum" : version;
    const remedy = series.hasMirrors
      ? "remove rabbitmq.policy, or write rabbitmq.queues: mirrored"
      : "remove rabbitmq.policy to have quorum queues, or choose an os with RabbitMQ 3";
    faults.push(
      ...mirroring.map((key): Fault => ({ path: [...definition, key], message: `${reason}; ${remedy}` })),
    );
  }
  return faults;
}

/** @returns the version that the configuration states, or that the system's packages are known to be */
export function configuredVersion(reading: ConfigReading, os: OperatingSystem): RabbitmqVersion {
  const stated = (key: string): string | undefined => textAt(reading, ["packages", "rabbitmq", key]);
  const brokerVersion = stated("version") ?? stated("series");
  return rabbitmqVersion(os, brokerVersion === undefined ? {} : { brokerVersion });
}
