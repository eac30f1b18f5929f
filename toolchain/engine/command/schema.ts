import type { Field, Kind, Shape } from "./resource-types.ts";
import {
  unwrap,
  isArchive,
  isAsset,
  isMap,
  isPlainMap,
  makeSecret,
  mapInner,
  type WireValue,
  type WireMap,
} from "./wire.ts";

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** All faults of `values`, in the words of the Go mapper (sdk/go/common/util/mapper). */
export function findFailures(shape: Shape, values: WireMap): CheckFailure[] {
  const failures: CheckFailure[] = [];
  for (const [name, field] of Object.entries(shape.fields)) {
    const value = values[name];
    if (value === undefined) {
      if (field.required) {
        failures.push({ property: name, reason: `Missing required field '${name}' on '${shape.name}'` });
      }
      continue;
    }
    const reason = findMismatch(shape, name, field, value);
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

function findMismatch(shape: Shape, name: string, field: Field, value: WireValue): string | undefined {
  const { value: inner, unknown } = unwrap(value);
  if (unknown) {
    return undefined;
  }
  if (typeof field.kind === "object") {
    if (!isPlainMap(inner)) {
      return wrongTypeMessage(shape, name, field.kind.name, inner);
    }
    const nested = findFailures(field.kind, inner);
    if (nested.length === 0) {
      return undefined;
    }
    const shortName = shape.name.slice(shape.name.indexOf(".") + 1);
    const lines = nested.map((failure) => `\n\t${failure.property}: ${failure.reason}`).join("");
    return `An error occurred decoding '${shortName}.${name}': ${String(nested.length)} failures decoding:${lines}`;
  }
  return isOfKind(field.kind, inner) ? undefined : wrongTypeMessage(shape, name, field.kind, inner);
}

function isOfKind(kind: Kind, value: WireValue): boolean {
  const isText = (item: WireValue): boolean => {
    const folded = unwrap(item);
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

function wrongTypeMessage(shape: Shape, name: string, expected: string, actual: WireValue): string {
  return `Field '${name}' on '${shape.name}' must be a '${expected}'; got '${goTypeOf(actual)}' instead`;
}

function goTypeOf(value: WireValue): string {
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

/** Fills in the defaults at every level and marks the fields that are always secret. */
export function fillDefaults(shape: Shape, values: WireMap): WireMap {
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
    const filled =
      typeof nested === "object"
        ? mapInner(given, (inner) => (isPlainMap(inner) ? fillDefaults(nested, inner) : inner))
        : given;
    result[name] = field.secret ? makeSecret(filled) : filled;
  }
  return result;
}
