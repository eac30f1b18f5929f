import type { WireValue } from "./wire.ts";

/** The Go types into which the real provider decodes inputs; its messages contain these names. */
export type Kind =
  "string" | "int" | "float64" | "bool" | "[]string" | "[]interface {}" | "map[string]string";

export interface Field {
  readonly kind: Kind | Shape;
  readonly required?: true;
  readonly default?: WireValue;
  /** Check marks it as a secret, also inside a secret; a state then has both marks. */
  readonly secret?: true;
  readonly replace?: true;
}

/** A set of inputs; `name` is the Go type in error messages. */
export interface Shape {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
}

export interface ResourceType {
  readonly inputs: Shape;
  /** Outputs that are not inputs as well. */
  readonly outputs: readonly string[];
}

const login = {
  agentSocketPath: { kind: "string" },
  dialErrorLimit: { kind: "int", default: 10 },
  host: { kind: "string", required: true },
  hostKey: { kind: "string" },
  password: { kind: "string", secret: true },
  perDialTimeout: { kind: "int", default: 15 },
  port: { kind: "float64", default: 22 },
  privateKey: { kind: "string", secret: true },
  privateKeyPassword: { kind: "string", secret: true },
  user: { kind: "string", default: "root" },
} satisfies Shape["fields"];

const connection: Shape = {
  name: "remote.Connection",
  fields: { ...login, proxy: { kind: { name: "remote.ProxyConnection", fields: login } } },
};

const scripts = {
  // The SDK sends true if the program does not set it.
  addPreviousOutputInEnv: { kind: "bool" },
  create: { kind: "string" },
  delete: { kind: "string" },
  environment: { kind: "map[string]string" },
  // Any string is accepted; an unknown mode logs nothing.
  logging: { kind: "string" },
  stdin: { kind: "string" },
  triggers: { kind: "[]interface {}", replace: true },
  update: { kind: "string" },
} satisfies Shape["fields"];

/**
 * The resources of pulumi-command 1.2.1, as in its schema and `node_modules/@pulumi/command`, without
 * `CopyToRemote`, which this project does not use.
 */
export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map<string, ResourceType>([
  [
    "command:remote:Command",
    {
      inputs: {
        name: "remote.CommandInputs",
        fields: { ...scripts, connection: { kind: connection, required: true, secret: true } },
      },
      outputs: ["stdout", "stderr"],
    },
  ],
  [
    "command:local:Command",
    {
      inputs: {
        name: "local.CommandInputs",
        fields: {
          ...scripts,
          archivePaths: { kind: "[]string" },
          assetPaths: { kind: "[]string" },
          dir: { kind: "string" },
          interpreter: { kind: "[]string" },
        },
      },
      outputs: ["stdout", "stderr", "assets", "archive"],
    },
  ],
]);
