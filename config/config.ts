/**
 * Reads the stack's configuration once and checks it as a whole; the result is a frozen value of a known type. Nothing else
 * reads it. Shapes and defaults are in config/schema.ts, rules on several values in config/combination-rules.ts.
 */
import * as pulumi from "@pulumi/pulumi";
import { awsPlatform, providerKeyFaults } from "./aws.ts";
import { definitionsOf } from "./definitions/configured-definitions.ts";
import { namespace, formatFaults } from "./faults.ts";
import { parseHostKeys } from "./host-keys.ts";
import { frontendsOf, mainPorts, servedTlsPorts } from "../hosts/protocol-ports.ts";
import { abilitiesOf, rabbitmqVersion } from "../hosts/rabbitmq-version.ts";
import { toPackageSources } from "./packages.ts";
import { queueWarning, resolveQueues } from "./queues.ts";
import { readValues } from "./reading.ts";
import { refusalError } from "./refusal-error.ts";
import { combinationFaults } from "./combination-rules.ts";
import { configKeys, type SchemaOutput } from "./schema.ts";
import { usersInPlaceOf } from "./rotation.ts";
import { secretKeys } from "./secrets.ts";
import type { Config, ParsedConfig, Platform, Secrets } from "./types.ts";

export type * from "./types.ts";

/** What is known about a configuration beside its keys and values. */
export interface Origin {
  /** The stack's name, for the error message. */
  readonly stack?: string;
  /** The keys that the engine stores as secrets, with their namespace. */
  readonly encrypted?: ReadonlySet<string>;
}

/**
 * Reads the configuration of the stack that this program runs for.
 *
 * @throws pulumi.RunError with every fault in one message
 */
export function readConfig(): Config {
  const origin = { stack: pulumi.getStack(), encrypted: readEncryptedKeys() };
  const { parsed, definitions } = parse(pulumi.runtime.allConfig(), origin);
  const secrets = Object.freeze({ ...readSecrets(), ...secretSettings(parsed), ...userPasswords(parsed) });
  const config = { ...assembleConfig(parsed), ...definitions };
  const warning = queueWarning(config.rabbitmq);
  if (warning !== undefined) void pulumi.log.warn(warning);
  for (const words of config.definitions?.leftOut ?? [])
    void pulumi.log.info(`not taken over from ${String(parsed.definitions["file"])}: ${words}`);
  const frontends = frontendsOf({ ...config.rabbitmq, ...(config.tls && { tls: config.tls }) });
  return Object.freeze({ ...deepFreeze(config), frontends, secrets });
}

/**
 * Checks a configuration as the engine passes it and fills in the defaults.
 *
 * @param raw every key with its namespace; scalars as text, blocks as JSON
 * @throws pulumi.RunError with every fault in one message; it never contains the value of a secret
 */
export function parseConfig(raw: Readonly<Record<string, string>>, origin: Origin = {}): ParsedConfig {
  const { parsed, definitions } = parse(raw, origin);
  return deepFreeze({ ...assembleConfig(parsed), ...definitions });
}

interface Parsed {
  readonly parsed: SchemaOutput;
  readonly definitions: Pick<ParsedConfig, "definitions">;
}

function parse(raw: Readonly<Record<string, string>>, origin: Origin): Parsed {
  const reading = readValues(raw, origin.encrypted ?? new Set());
  const faults = [
    ...reading.faults,
    ...combinationFaults(reading).map(reading.withoutSecrets),
    ...providerKeyFaults(Object.keys(raw), reading),
  ];
  if (reading.parsed === undefined || faults.length > 0)
    throw refusalError(formatFaults(faults, [...configKeys], origin.stack));
  const checked = definitionsOf(reading, reading.parsed.os);
  return {
    parsed: reading.parsed,
    definitions: checked === undefined ? {} : { definitions: checked.definitions },
  };
}

function platformOf({ platform, lab, existing, aws }: SchemaOutput): Platform {
  if (platform === "lab") return { kind: "lab", ...lab };
  if (platform === "aws") return awsPlatform(aws);
  const { hostKeys = "", ...access } = existing;
  return { kind: "existing", ...access, hostKeys: parseHostKeys(hostKeys).keys };
}

function assembleConfig(parsed: SchemaOutput): ParsedConfig {
  const { os, brokers, balancers, virtualAddress, clusterName, haproxy, keepalived, metricsFrom } = parsed;
  const { secretSettings: _, queues, ...rabbitmq } = parsed.rabbitmq;
  const packages = toPackageSources(parsed.packages);
  const version = rabbitmqVersion(os, packages);
  const tls = parsed.tls && { ...parsed.tls, ports: servedTlsPorts(parsed.tls.ports, rabbitmq.plugins) };
  const given = { ...rabbitmq, ...(queues === undefined ? {} : { queues }) };
  return {
    platform: platformOf(parsed),
    os,
    brokers,
    balancers,
    virtualAddress,
    clusterName,
    administrators: usersInPlaceOf(rabbitmq.adminUser, parsed.rotation) as [string, ...string[]],
    ...(parsed.closeConnections.length > 0 && { closeConnections: parsed.closeConnections }),
    rabbitmq: {
      ...rabbitmq,
      ...resolveQueues(given, version),
      hasMnesia: abilitiesOf(version).hasMnesia,
      ports: mainPorts(rabbitmq.ports, tls),
    },
    haproxy,
    keepalived,
    ...(metricsFrom === undefined ? {} : { metricsFrom }),
    packages,
    ...(tls === undefined ? {} : { tls }),
  };
}

function secretSettings({ rabbitmq }: SchemaOutput): Pick<Secrets, "settings"> {
  const given = rabbitmq.secretSettings;
  return Object.keys(given).length === 0 ? {} : { settings: pulumi.secret(given) };
}

function userPasswords({ userPasswords: given }: SchemaOutput): Pick<Secrets, "userPasswords"> {
  const wrapped = Object.entries(given).map(([name, password]) => [name, pulumi.secret(password)] as const);
  return wrapped.length === 0 ? {} : { userPasswords: Object.fromEntries(wrapped) };
}

function readSecrets(): Secrets {
  const config = new pulumi.Config(namespace);
  const given = secretKeys.flatMap((key) => {
    const value = config.getSecret(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.freeze(Object.fromEntries(given));
}

/**
 * The SDK does not say which keys are secret. This reads what the engine passes in an environment variable: a JSON list of
 * keys, with the `config:` that old engines put into them.
 */
function readEncryptedKeys(): ReadonlySet<string> {
  const text = process.env["PULUMI_CONFIG_SECRET_KEYS"];
  const list: unknown = text === undefined || text === "" ? [] : JSON.parse(text);
  if (!Array.isArray(list)) return new Set();
  return new Set(list.map((key) => String(key).replace(":config:", ":")));
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
