/** The configuration of the dev stack, as it stands in Pulumi.dev.yaml and as the engine hands it to the program. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

/** Blocks of configuration by their key, without the namespace. */
export type Blocks = Record<string, unknown>;

// The SDK's own YAML parser, so that no other has to be installed for reading one file.
const yaml = createRequire(import.meta.resolve("@pulumi/pulumi"))("js-yaml") as {
  load(text: string): { readonly config: Readonly<Record<string, unknown>> };
};

const namespace = "rabbitmq-ha:";

/** @returns what Pulumi.dev.yaml configures, a new copy at each call */
export function devConfig(): Blocks {
  const { config } = yaml.load(readFileSync(join(root, "Pulumi.dev.yaml"), "utf8"));
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(namespace, ""), value]),
  );
}

/** @returns the blocks in the engine's own form: scalars as text, all else as JSON */
export function asEngineConfig(blocks: Readonly<Blocks>): Record<string, string> {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.fromEntries(Object.entries(blocks).map(([key, value]) => [namespace + key, text(value)]));
}
