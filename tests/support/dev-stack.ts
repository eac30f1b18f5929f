/** The configuration of the dev stack, as written in Pulumi.dev.yaml and as the engine passes it to the program. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

/** Configuration values by key, without the namespace. */
export type ConfigBlocks = Record<string, unknown>;

// The SDK's own YAML parser, so that no other need be installed to read one file.
const yaml = createRequire(import.meta.resolve("@pulumi/pulumi"))("js-yaml") as {
  load(text: string): { readonly config: Readonly<Record<string, unknown>> };
};

const namespace = "rabbitmq-ha:";

/** @returns the configuration in Pulumi.dev.yaml, a new copy at each call */
export function devConfig(): ConfigBlocks {
  const { config } = yaml.load(readFileSync(join(root, "Pulumi.dev.yaml"), "utf8"));
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(namespace, ""), value]),
  );
}

/** @returns the configuration in the engine's form: strings as they are, all else as JSON */
export function asEngineConfig(blocks: Readonly<ConfigBlocks>): Record<string, string> {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.fromEntries(Object.entries(blocks).map(([key, value]) => [namespace + key, text(value)]));
}
