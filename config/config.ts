/**
 * The only reader of the stack's configuration. It is read once, checked as a whole, and from then on a frozen value
 * of a known type. Shapes and defaults stand in config/schema.ts, what concerns several values in config/rules.ts.
 */
import * as pulumi from "@pulumi/pulumi";
import { awsPlatform } from "./aws.ts";
import { namespace, report } from "./faults.ts";
import { parseHostKeys } from "./host-keys.ts";
import { packageSources } from "./packages.ts";
import { read } from "./reading.ts";
import { crossFaults } from "./rules.ts";
import { keys, type Parsed } from "./schema.ts";
import { secretKeys } from "./secrets.ts";
import type { Config, ParsedConfig, Platform, Secrets } from "./types.ts";

export type * from "./types.ts";

/** Where a configuration comes from. */
export interface Origin {
  /** The stack's name, for the message. */
  readonly stack?: string;
  /** The keys that the engine holds as secrets, with their namespace. */
  readonly encrypted?: ReadonlySet<string>;
}

/**
 * Reads the configuration of the stack that this program runs for.
 *
 * @throws pulumi.RunError with every fault in one message
 */
export function readConfig(): Config {
  const origin = { stack: pulumi.getStack(), encrypted: encryptedKeys() };
  const parsed = parseConfig(pulumi.runtime.allConfig(), origin);
  return Object.freeze({ ...parsed, secrets: readSecrets() });
}

/**
 * Checks a configuration as the engine hands it over and fills in the defaults.
 *
 * @param raw every key with its namespace; scalars as text, blocks as JSON
 * @throws pulumi.RunError with every fault in one message; it never holds the value of a secret
 */
export function parseConfig(raw: Readonly<Record<string, string>>, origin: Origin = {}): ParsedConfig {
  const reading = read(raw, origin.encrypted ?? new Set());
  const faults = [...reading.faults, ...crossFaults(reading)];
  if (reading.parsed === undefined || faults.length > 0) {
    const refusal = new pulumi.RunError(report(faults, [...keys], origin.stack));
    // Nobody reads it, and the engine's way of formatting it costs Node half a minute (nodejs/node#64011).
    refusal.stack = "";
    throw refusal;
  }
  return deepFreeze(assemble(reading.parsed));
}

function platformOf({ platform, lab, existing, aws }: Parsed): Platform {
  if (platform === "lab") return { kind: "lab", ...lab };
  if (platform === "aws") return awsPlatform(aws);
  const { hostKeys = "", ...way } = existing;
  return { kind: "existing", ...way, hostKeys: parseHostKeys(hostKeys).keys };
}

function assemble(parsed: Parsed): ParsedConfig {
  const { os, brokers, balancers, virtualAddress, clusterName, rabbitmq, haproxy, keepalived } = parsed;
  return {
    platform: platformOf(parsed),
    os,
    brokers,
    balancers,
    virtualAddress,
    clusterName,
    rabbitmq,
    haproxy,
    keepalived,
    packages: packageSources(parsed.packages),
  };
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
 * The SDK keeps to itself which keys are secret, so this reads what the engine tells the program through its
 * environment: a JSON list of keys, with the `config:` that old engines put into them.
 */
function encryptedKeys(): ReadonlySet<string> {
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
