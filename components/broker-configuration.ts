/** A broker's configuration files as text, and the hash that tells whether the broker has to be restarted for them. */
import { createHash } from "node:crypto";
import { distributionTerms } from "../hosts/distribution.ts";
import type { Host } from "../hosts/host.ts";
import {
  portSettings,
  servedProtocols,
  type ProtocolSettings,
  type TlsPorts,
} from "../hosts/protocol-ports.ts";
import { diskLimit, memoryWatermark } from "../hosts/rabbitmq-limits.ts";
import { systemdValues } from "../hosts/systems.ts";
import { programPath } from "../remote/program.ts";
import { render } from "../templates/render.ts";

export interface BrokerConfigurationArgs extends ProtocolSettings {
  /** @default the brokers accept no TLS */
  readonly tls?: TlsPorts & { readonly interNode: boolean };
  readonly host: Host;
  /** The names of all brokers; the first one forms the cluster. */
  readonly brokers: readonly string[];
  /** Whether the node keeps its tables on disc or in memory. @default disc */
  readonly type?: "disc" | "ram";
  /** Lines of rabbitmq.conf, key to value, which override the program's defaults. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Further terms of advanced.config, application by application, each with its settings as Erlang terms. @default none */
  readonly advanced?: readonly { readonly name: string; readonly settings: readonly string[] }[];
  /** Erlang's `net_ticktime`, in seconds. */
  readonly netTickTime: number;
  /** Whether the cluster's tables can be in Mnesia; only it needs a partition handling. @default true */
  readonly hasMnesia?: boolean;
}

export interface BrokerConfiguration {
  /** rabbitmq.conf. */
  readonly conf: string;
  /** advanced.config. */
  readonly advanced: string;
  /** The drop-in of rabbitmq-server's unit. */
  readonly unit: string;
  /** Changes with everything in these files that needs a restart; the list of peers is read only at the first start. */
  readonly hash: string;
}

const partitionKey = "cluster_partition_handling";

/**
 * The program's defaults for `settings`: the minority of a partition pauses instead of running on alone, and publishers
 * are blocked before memory or disk runs out (https://www.rabbitmq.com/docs/alarms).
 */
const defaultSettings: Readonly<Record<string, string | number>> = {
  [partitionKey]: "pause_minority",
  "vm_memory_high_watermark.relative": memoryWatermark,
  "disk_free_limit.absolute": diskLimit.setting,
  // The agent check on the broker's own host asks for the metrics, and they need no password.
  "prometheus.tcp.ip": "127.0.0.1",
};

/** agent/certificates.py writes them. */
const tlsFiles = {
  broker: "/etc/rabbitmq-ha/tls/broker.pem",
  authorities: "/etc/rabbitmq-ha/tls/authorities.pem",
};

/** @returns the lines of rabbitmq.conf by which the protocols are served with TLS, and by which alone if that is wanted */
function tlsSettings(args: ProtocolSettings): { key: string; value: string | number }[] {
  const options = {
    cacertfile: tlsFiles.authorities,
    certfile: tlsFiles.broker,
    keyfile: tlsFiles.broker,
    "versions.1": "tlsv1.3",
    "versions.2": "tlsv1.2",
  };
  const served = servedProtocols(args).flatMap(({ isTls, port, tls }) =>
    isTls && tls !== undefined ? [{ ...tls, port }] : [],
  );
  const closing = args.tls?.only === true ? served.flatMap((each) => each.closing ?? []) : [];
  return [
    ...closing.map((key) => ({ key, value: "none" })),
    ...served.map(({ setting, port }) => ({ key: setting, value: port })),
    ...[...new Set(served.map((each) => each.options))].flatMap((listener) =>
      Object.entries(options).map(([option, value]) => ({ key: `${listener}.${option}`, value })),
    ),
  ];
}

/** A client may show a certificate, and one that it shows is checked. */
const tlsDefaults = { "ssl_options.verify": "verify_peer", "ssl_options.fail_if_no_peer_cert": "false" };

/** @returns the settings and each default for which neither its key nor a variant of it (`x.absolute`) is set */
function withDefaults(
  { settings, hasMnesia = true }: Pick<BrokerConfigurationArgs, "settings" | "hasMnesia">,
  more: Readonly<Record<string, string>>,
): { key: string; value: string }[] {
  const stem = (key: string): string => key.replace(/\.(relative|absolute)$/, "");
  const set = new Set(Object.keys(settings).map(stem));
  const defaults = Object.entries({ ...defaultSettings, ...more }).filter(
    ([key]) => !set.has(stem(key)) && (hasMnesia || key !== partitionKey),
  );
  return [...defaults, ...Object.entries(settings)].map(([key, value]) => ({ key, value: String(value) }));
}

/** @returns how the brokers handle a network partition */
export function partitionHandling(settings: BrokerConfigurationArgs["settings"]): string {
  return String(settings[partitionKey] ?? defaultSettings[partitionKey]);
}

/** @returns the brokers that a broker asks for an existing cluster at its first start */
export function discoveryPeers(name: string, brokers: readonly string[]): readonly string[] {
  return name === brokers[0] ? brokers.slice(1) : brokers.slice(0, 1);
}

/**
 * @returns rabbitmq.conf. The first broker asks the others briefly, so that it rejoins an existing cluster, and else
 * forms a new one; the others ask the first for up to a minute and never each other.
 */
function brokerConf(args: BrokerConfigurationArgs): string {
  const { host, brokers, ports, type = "disc", tls } = args;
  const discoveryRetries =
    host.name === brokers[0] ? { retries: 2, pause: 500 } : { retries: 60, pause: 1000 };
  const peers = discoveryPeers(host.name, brokers).map((name, index) => ({ number: index + 1, name }));
  return render("rabbitmq/rabbitmq.conf", {
    ports,
    portSettings: portSettings(args),
    plain: tls?.only !== true,
    tlsSettings: tlsSettings(args),
    settings: withDefaults(args, tls === undefined ? {} : tlsDefaults),
    peers,
    type,
    ...discoveryRetries,
  });
}

/** Lines that wait for the broker's next start (agent/fingerprint.py). */
const notAwaited = /^(cluster_formation.*|prometheus\.tcp\.ip = 127\.0\.0\.1)\n/gm;

/** @returns the file of the settings with secrets, which is there without any too, so that the last one can go */
export function brokerSecrets(settings: BrokerConfigurationArgs["settings"]): string {
  return render("rabbitmq/rabbitmq-ha-secrets.conf", {
    settings: Object.entries(settings).map(([key, value]) => ({ key, value: String(value) })),
  });
}

/** The application whose entry in advanced.config the program itself begins. */
function isKernel({ name }: { readonly name: string }): boolean {
  return name === "kernel";
}

/** An application whose settings are a list's lines: each but the last ends with a comma. */
function separated({ name, settings }: { readonly name: string; readonly settings: readonly string[] }) {
  return { name, settings: settings.map((text, index) => (index + 1 < settings.length ? `${text},` : text)) };
}

/** Renders the files without secrets; nothing is registered. */
export function renderBrokerConfiguration(args: BrokerConfigurationArgs): BrokerConfiguration {
  const { host, netTickTime, tls, advanced: applications = [] } = args;
  const conf = brokerConf(args);
  const advanced = render("rabbitmq/advanced.config", {
    netTickTime,
    distribution: distributionTerms(netTickTime, tls?.interNode === true),
    kernel: applications.filter(isKernel).flatMap(({ settings }) => settings),
    applications: applications.filter((application) => !isKernel(application)).map(separated),
  });
  const unit = render("rabbitmq/rabbitmq-ha.conf", {
    program: programPath,
    ...systemdValues(host.os),
  });
  const hash = createHash("sha256")
    .update(conf.replaceAll(notAwaited, ""))
    .update(advanced)
    .update(unit)
    .digest("hex");
  return { conf, advanced, unit, hash };
}
