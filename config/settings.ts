/** Checks `rabbitmq.settings` and `rabbitmq.secretSettings`, the user's own lines of rabbitmq.conf. */
import { brokerDataFolder } from "../hosts/broker-paths.ts";
import type { z } from "zod";
import { distributionPort } from "../hosts/other-ports.ts";
import { distributionPortIsFixed, streamPortsAreFixed } from "./fixed-ports.ts";
import { formatPath, joinNames, namespace } from "./faults.ts";

/** Keys of rabbitmq.conf that the program writes itself, and where to set their values instead. */
const reservedKeys: readonly (readonly [RegExp, string])[] = [
  [/^cluster_formation\./, "remove it, since it follows from brokers"],
  [/^listeners\.tcp($|\.)/, "write rabbitmq.ports.amqp"],
  [/^management\.(tcp|listener)\.port$/, "write rabbitmq.ports.management"],
  [/^prometheus\.tcp\.port$/, "write rabbitmq.ports.prometheus"],
  [/^mqtt\.listeners\.tcp($|\.)/, "write rabbitmq.ports.mqtt"],
  [/^stomp\.listeners\.tcp($|\.)/, "write rabbitmq.ports.stomp"],
  [/^stream\.listeners\.tcp($|\.)/, "write rabbitmq.ports.stream"],
  [/^web_mqtt\.tcp\.(port|listener)$/, "write rabbitmq.ports.webMqtt"],
  [/^web_stomp\.tcp\.(port|listener)$/, "write rabbitmq.ports.webStomp"],
  [/^(load_definitions|definitions\..+)$/, "write definitions"],
  [/^net_ticktime$/, "write rabbitmq.netTickTime"],
  [/^cluster_name$/, "write clusterName"],
  [/^default_user$/, "write rabbitmq.adminUser"],
  [/^default_pass$/, "write adminPassword, with pulumi config set --secret"],
];

/** A key whose value would keep the program from working. */
interface RefusedSetting {
  readonly keys: RegExp;
  /** Which of its values are refused. @default all */
  readonly isRefused?: (value: string) => boolean;
  /** What is wrong, and what to do instead. */
  readonly message: string;
}

const isTrue = (value: string): boolean => value === "true";

/** The keys of RabbitMQ's schemas whose value is a secret itself, not the path of a file with one. */
const secretSetting =
  /(^|[._])(pass|password|secret|secret_key|token)$|\.key\.\w+$|^management\.credential_encryption_secret$/;

/** The keys that the program itself reads. */
const readSetting =
  /^(auth_backends|auth_cache|cluster_partition_handling|vm_memory_high_watermark|disk_free_limit)(\.|$)|(^|\.)(listeners|port)(\.|$)/;

const refusedSettings: readonly RefusedSetting[] = [
  {
    keys: /^((web_)?(mqtt|stomp)\.)?proxy_protocol$/,
    isRefused: isTrue,
    message:
      "the brokers would refuse every client whose connection comes without the header of this protocol; remove it, and write haproxy.proxyProtocol: true, which has HAProxy send it",
  },
  {
    keys: /^stream\.advertised_(tls_)?(host|port)$/,
    message:
      "all brokers would say the same, and by it a client tells whether it has reached the one that it wants; remove it, and let clients connect to the virtual address (docs/ports.md)",
  },
  {
    keys: /^default_vhost$/,
    isRefused: (value) => value !== "/",
    message:
      "the virtual host / would be missing, to which the policy, the administrator and npm run verify belong; remove it, and add other virtual hosts to the definitions",
  },
  {
    keys: /^management\.path_prefix$/,
    isRefused: (value) => value !== "/",
    message:
      "npm run verify would not find the management API, which it asks under /api; remove it, and add the prefix in a proxy of your own",
  },
  {
    keys: /^management\.(tcp|listener)\.ip$/,
    isRefused: (value) => !["0.0.0.0", "::"].includes(value),
    message:
      "all brokers get this one address, so the balancers and npm run verify would not reach their management UI; remove it",
  },
  {
    keys: /^prometheus\.tcp\.ip$/,
    isRefused: (value) => !["127.0.0.1", "0.0.0.0", "::"].includes(value),
    message:
      "all brokers get this one address, so the metrics page would be missing on the others; write 0.0.0.0, or remove it for 127.0.0.1",
  },
  {
    keys: /^distribution\.listener\./,
    isRefused: (value) => value !== String(distributionPort),
    message: distributionPortIsFixed,
  },
  {
    keys: /^stream\.replication\.port_range\./,
    message: streamPortsAreFixed,
  },
  {
    keys: /^raft\.data_dir$/,
    message: `the program looks for the data in ${brokerDataFolder}; remove it`,
  },
  {
    keys: /^management\.listener\.ssl$/,
    isRefused: isTrue,
    message:
      "the balancers and npm run verify reach the management UI without TLS; remove it, and write management.ssl.port and management.ssl.certfile for a further port with TLS",
  },
  {
    keys: /^management_agent\.disable_metrics_collector$|^management\.disable_stats$/,
    isRefused: isTrue,
    message:
      "the brokers would not report network partitions, without which npm run verify never passes; remove it",
  },
  {
    keys: /^management\.disable_basic_auth$/,
    isRefused: isTrue,
    message: "npm run verify logs in to the management API with a password; remove it",
  },
  {
    keys: /^log\.dir$/,
    isRefused: (value) => value.replace(/\/+$/, "") !== "/var/log/rabbitmq",
    message:
      "up and --force-boot read the broker's log in /var/log/rabbitmq when it does not start; remove it, and write log.console or log.syslog to have the log elsewhere too",
  },
  {
    keys: /^log\.file$/,
    message:
      "up and --force-boot read the broker's log under its own name when it does not start; remove it, and write log.console or log.syslog to have the log elsewhere too",
  },
  {
    keys: /^log\.(file|default)\.level$/,
    isRefused: (value) => !["debug", "info"].includes(value),
    message:
      "the log would not say for which brokers a broker waits, which up and --force-boot read there; write info or debug",
  },
];

/** Values of `cluster_partition_handling` (https://www.rabbitmq.com/docs/partitions). */
const partitionHandlings = ["pause_minority", "autoheal", "ignore", "pause_if_all_down"];

export function checkSettings(settings: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const [key, value] of Object.entries(settings)) {
    const message = keyFault(key) ?? lineFault(key, value) ?? openSecretFault(key, String(value));
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
  }
  const backends = backendFault(settings);
  if (backends !== undefined) context.addIssue({ code: "custom", ...backends });
}

export function checkSecretSettings(settings: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const [key, value] of Object.entries(settings)) {
    const message = keyFault(key) ?? lineFault(key, value) ?? secretFault(key, String(value));
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message });
  }
}

function secretFault(key: string, value: string): string | undefined {
  if (readSetting.test(key)) {
    return "no secret, and the program has to read it; write it under rabbitmq.settings, in the clear";
  }
  // RabbitMQ replaces $(NAME), and takes quotes around a value away (cuttlefish, conf_parse).
  return /\$\(|^'/.test(value)
    ? "starts with a quote or has a $(, which RabbitMQ does not take as they are; set another secret"
    : undefined;
}

/**
 * The administrator is in RabbitMQ's own store of users: some backend of the list must both authenticate and authorise
 * by it. The cache passes on to the backend behind it, which by default is that store.
 */
function backendFault(settings: Record<string, unknown>): { path: [string]; message: string } | undefined {
  const numbered = Object.keys(settings).filter((key) => /^auth_backends\.\d+(\.auth[nz])?$/.test(key));
  const [first] = numbered;
  if (first === undefined) return undefined;
  const isInternal = (value: unknown): boolean =>
    value === "internal" || value === "rabbit_auth_backend_internal";
  const isCacheOfInternal = (value: unknown): boolean =>
    (value === "cache" || value === "rabbit_auth_backend_cache") &&
    Object.entries(settings).every(
      ([key, behind]) => !/^auth_cache\.cached_backend(\.auth[nz])?$/.test(key) || isInternal(behind),
    );
  const numbers = numbered.map((key) => Number(key.split(".")[1]));
  const isOwnStore = numbers.some((number) => {
    const parts = numbered.filter((key) => Number(key.split(".")[1]) === number).map((key) => settings[key]);
    return parts.every((value) => isInternal(value) || isCacheOfInternal(value));
  });
  if (isOwnStore) return undefined;
  const next = `auth_backends.${String(Math.max(...numbers) + 1)}`;
  const message = `without the backend internal the administrator cannot log in, so npm run verify never passes; write ${next}: internal too`;
  return { path: [first], message };
}

function keyFault(key: string): string | undefined {
  const reserved = reservedKeys.find(([pattern]) => pattern.test(key));
  if (reserved !== undefined) return `the program writes this line itself; ${reserved[1]}`;
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_$@*/-]+)*$/.test(key)) return undefined;
  return "not a key of rabbitmq.conf; write one such as vm_memory_high_watermark.relative";
}

/** @returns the message for a secret where everybody can read it; undefined for another value */
function openSecretFault(key: string, value: string): string | undefined {
  const kind = secretSetting.test(key)
    ? "a secret"
    : /:\/\/[^/\s]*:[^/\s]*@/.test(value)
      ? "a URL with a password"
      : undefined;
  if (kind === undefined) return undefined;
  const path = formatPath(["rabbitmq", "secretSettings", key]);
  return `${kind}, which the stack's file and rabbitmq.conf would show to everybody; remove it here, and give it by npm run -s pulumi -- config set --secret --path '${namespace}:${path}'`;
}

function lineFault(key: string, value: unknown): string | undefined {
  if (!["string", "number", "boolean"].includes(typeof value)) {
    return "not a single value; write a text, a number, true or false, and nested keys with dots (a.b: value)";
  }
  if (typeof value === "string" && (/\p{Cc}/u.test(value) || value.trim() === "")) {
    return "empty or several lines; write a text for one line of rabbitmq.conf";
  }
  // RabbitMQ before 3.13 has no quotes for it (cuttlefish, conf_parse).
  if (typeof value === "string" && value.includes("#")) {
    return "has a #, from which on RabbitMQ reads a comment; write it without";
  }
  const refused = refusedSettings.find(({ keys }) => keys.test(key));
  if (refused !== undefined && (refused.isRefused?.(String(value)) ?? true)) return refused.message;
  if (key === "cluster_partition_handling" && !partitionHandlings.includes(String(value))) {
    return `not a partition handling; write ${joinNames(partitionHandlings, "or")}`;
  }
  return undefined;
}
