/** Checks the names of plug-ins against those that come with RabbitMQ, and the files of those that do not. */
import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import * as values from "./values.ts";

/**
 * The plug-ins that come with RabbitMQ 3.8 to 4.3, each in some version at least (plugins.mk of rabbitmq-server 3.8.35,
 * 3.9.29, 3.10.25, 3.11.28, 3.12.14, 3.13.7, 4.0.9, 4.1.8, 4.2.9 and 4.3.5), and those that these bring along.
 */
const shippedPlugins = [
  "rabbitmq_amqp1_0",
  "rabbitmq_auth_backend_cache",
  "rabbitmq_auth_backend_http",
  "rabbitmq_auth_backend_internal_loopback",
  "rabbitmq_auth_backend_ldap",
  "rabbitmq_auth_backend_oauth2",
  "rabbitmq_auth_mechanism_ssl",
  "rabbitmq_consistent_hash_exchange",
  "rabbitmq_event_exchange",
  "rabbitmq_exchange_federation",
  "rabbitmq_federation",
  "rabbitmq_federation_common",
  "rabbitmq_federation_management",
  "rabbitmq_federation_prometheus",
  "rabbitmq_jms_topic_exchange",
  "rabbitmq_management",
  "rabbitmq_management_agent",
  "rabbitmq_mqtt",
  "rabbitmq_peer_discovery_aws",
  "rabbitmq_peer_discovery_common",
  "rabbitmq_peer_discovery_consul",
  "rabbitmq_peer_discovery_etcd",
  "rabbitmq_peer_discovery_k8s",
  "rabbitmq_prometheus",
  "rabbitmq_queue_federation",
  "rabbitmq_random_exchange",
  "rabbitmq_recent_history_exchange",
  "rabbitmq_sharding",
  "rabbitmq_shovel",
  "rabbitmq_shovel_management",
  "rabbitmq_shovel_prometheus",
  "rabbitmq_stomp",
  "rabbitmq_stream",
  "rabbitmq_stream_common",
  "rabbitmq_stream_management",
  "rabbitmq_top",
  "rabbitmq_tracing",
  "rabbitmq_trust_store",
  "rabbitmq_web_dispatch",
  "rabbitmq_web_mqtt",
  "rabbitmq_web_mqtt_examples",
  "rabbitmq_web_stomp",
  "rabbitmq_web_stomp_examples",
] as const;

/** More typing errors than this make another word: a plug-in from elsewhere may resemble a shipped one. */
const maxTypingErrors = 2;

/** An archive's name, by which RabbitMQ tells the plug-in. */
const archive = /\/([a-z][a-z0-9_]*)-[A-Za-z0-9._+-]+\.ez(?:\?[^#]*)?$/;

/** @returns the plug-in that the file at a URL has */
export function pluginOfFile(url: string): string | undefined {
  return archive.exec(url)?.[1];
}

export const pluginFile = z.strictObject({
  url: values
    .downloadUrl("the URL of the plug-in's .ez file")
    .refine(
      (url) => pluginOfFile(url) !== undefined,
      "not the URL of a plug-in's file; write one that ends with its name, such as /rabbitmq_delayed_message_exchange-3.10.2.ez",
    ),
  sha256: values.sha256("the file"),
});

/**
 * A name that resembles a shipped plug-in's is taken for a typing error. Any other one may be a plug-in from elsewhere;
 * the step on the host knows whether it is there.
 *
 * @returns what is wrong with the name; undefined if it may be a plug-in
 */
export function pluginFault(name: string): string | undefined {
  if (isName.test(name)) return undefined;
  return typingFault(name) ?? "not a plug-in's name; write one such as rabbitmq_shovel";
}

const isName = /^[a-z][a-z0-9_]*$/;

/**
 * @param brought the plug-ins that have a file in the configuration
 * @returns which shipped plug-in was probably meant; undefined if the name may be a plug-in
 */
export function typingFault(name: string, brought: readonly string[] = []): string | undefined {
  const known: readonly string[] = shippedPlugins;
  if (known.includes(name) || brought.includes(name)) return undefined;
  const plain = name.toLowerCase().replaceAll(/[\s-]+/g, "_");
  const near = [plain, `rabbitmq_${plain}`].flatMap((spelling) => {
    const nearest = closest(spelling, known);
    return distance(spelling, nearest) <= maxTypingErrors ? [nearest] : [];
  });
  return near[0] === undefined ? undefined : `not a plug-in of RabbitMQ; did you mean ${near[0]}?`;
}
