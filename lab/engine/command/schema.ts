import {
  fold,
  isArchive,
  isAsset,
  isMap,
  isPlainMap,
  makeSecret,
  underMarks,
  type Wire,
  type WireMap,
} from "./wire.ts";

/** Go kinds that the real provider decodes an input into; they name themselves in its messages. */
type Kind = "string" | "int" | "float64" | "bool" | "[]string" | "[]interface {}" | "map[string]string";

interface Field {
  readonly kind: Kind | "source" | Shape;
  readonly required?: true;
  readonly default?: Wire;
  readonly secret?: true;
  readonly replace?: true;
}

/** A set of named inputs, `name` being the Go type that error messages mention. */
export interface Shape {
  readonly name: string;
  readonly fields: Readonly<Record<string, Field>>;
}

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
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
  password: { kind: "string" },
  perDialTimeout: { kind: "int", default: 15 },
  port: { kind: "float64", default: 22 },
  privateKey: { kind: "string" },
  privateKeyPassword: { kind: "string" },
  user: { kind: "string", default: "root" },
} satisfies Shape["fields"];

const connection: Shape = {
  name: "remote.Connection",
  fields: { ...login, proxy: { kind: { name: "remote.ProxyConnection", fields: login } } },
};

const triggers: Field = { kind: "[]interface {}", replace: true };

const scripts = {
  addPreviousOutputInEnv: { kind: "bool", default: true },
  create: { kind: "string" },
  delete: { kind: "string" },
  environment: { kind: "map[string]string" },
  // Any string is taken; one that is no known mode logs nothing.
  logging: { kind: "string" },
  stdin: { kind: "string" },
  triggers,
  update: { kind: "string" },
} satisfies Shape["fields"];

/**
 * The resources of pulumi-command 1.2.1, as its schema and `node_modules/@pulumi/command` have them.
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
    "command:remote:CopyToRemote",
    {
      inputs: {
        name: "remote.CopyToRemoteInputs",
        fields: {
          connection: { kind: connection, required: true, secret: true },
          remotePath: { kind: "string", required: true },
          source: { kind: "source", required: true },
          triggers,
        },
      },
      outputs: [],
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

/** What is wrong with `values`, in the words of the Go mapper (sdk/go/common/util/mapper). */
export function failuresOf(shape: Shape, values: WireMap): CheckFailure[] {
  const failures: CheckFailure[] = [];
  for (const [name, field] of Object.entries(shape.fields)) {
    const value = values[name];
    if (value === undefined) {
      if (field.required) {
        failures.push({ property: name, reason: `Missing required field '${name}' on '${shape.name}'` });
      }
      continue;
    }
    const reason = reasonAgainst(shape, name, field, value);
    if (reason !== undefined) {
      failures.push({ property: name, reason });
    }
  }
  for (const name of Object.keys(values)) {
    if (!(name in shape.fields)) {
      failures.push({ property: name, reason: `Unrecognized field '${name}' on '${shape.name}'` });
    }
  }
  return failures;
}

function reasonAgainst(shape: Shape, name: string, field: Field, value: Wire): string | undefined {
  const { value: inner, unknown } = fold(value);
  if (unknown || field.kind === "source") {
    return undefined;
  }
  if (typeof field.kind === "object") {
    if (!isPlainMap(inner)) {
      return wrongType(shape, name, field.kind.name, inner);
    }
    const nested = failuresOf(field.kind, inner);
    if (nested.length === 0) {
      return undefined;
    }
    const shortName = shape.name.slice(shape.name.indexOf(".") + 1);
    const lines = nested.map((failure) => `\n\t${failure.property}: ${failure.reason}`).join("");
    return `An error occurred decoding '${shortName}.${name}': ${String(nested.length)} failures decoding:${lines}`;
  }
  return fits(field.kind, inner) ? undefined : wrongType(shape, name, field.kind, inner);
}

function fits(kind: Kind, value: Wire): boolean {
  const isText = (item: Wire): boolean => {
    const folded = fold(item);
    return folded.unknown || typeof folded.value === "string";
  };
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "int":
    case "float64":
      return typeof value === "number";
    case "[]interface {}":
      return Array.isArray(value);
    case "[]string":
      return Array.isArray(value) && value.every(isText);
    case "map[string]string":
      return isPlainMap(value) && Object.values(value).every(isText);
  }
}

function wrongType(shape: Shape, name: string, expected: string, actual: Wire): string {
  return `Field '${name}' on '${shape.name}' must be a '${expected}'; got '${goTypeOf(actual)}' instead`;
}

function goTypeOf(value: Wire): string {
  if (Array.isArray(value)) {
    return "[]interface {}";
  }
  if (isAsset(value)) {
    return "asset.Asset";
  }
  if (isArchive(value)) {
    return "archive.Archive";
  }
  if (isMap(value)) {
    return "map[string]interface {}";
  }
  return { string: "string", boolean: "bool", number: "float64" }[typeof value as string] ?? "nil";
}

/** Fills in defaults at every level and marks what is always secret. */
export function completed(shape: Shape, values: WireMap): WireMap {
  const result: WireMap = { ...values };
  for (const [name, field] of Object.entries(shape.fields)) {
    const given = result[name];
    const nested = field.kind;
    if (given === undefined) {
      if (field.default !== undefined) {
        result[name] = field.default;
      }
      continue;
    }
    const whole =
      typeof nested === "object"
        ? underMarks(given, (inner) => (isPlainMap(inner) ? completed(nested, inner) : inner))
        : given;
    result[name] = field.secret ? makeSecret(whole) : whole;
  }
  return result;
}
