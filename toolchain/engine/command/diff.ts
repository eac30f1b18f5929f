import type { Shape } from "./resource-types.ts";
import { unwrap, isPlainMap, equals, type WireValue, type WireMap } from "./wire.ts";

/** A changed property; `replace` is set where the provider itself asks for a replacement. */
export interface PropertyChange {
  readonly kind: "add" | "delete" | "update";
  readonly replace: boolean;
}

/**
 * The differences between the inputs in `state` and the new `inputs`, by property path.
 *
 * As in go-provider's default diff, any changed input is a change. Only the exact key of an input that
 * replaces is a replacement here: `triggers` as a whole is added, removed, or changes its type. A change
 * within it has a longer path, `triggers[0]`. The engine turns that into a replacement, because the SDK
 * registers `replaceOnChanges: ["triggers[*]"]`. A secret value is compared as a whole: if the host of a
 * secret connection changes, the change is one of `connection`.
 */
export function findDifferences(shape: Shape, state: WireMap, inputs: WireMap): Map<string, PropertyChange> {
  const found = new Map<string, PropertyChange["kind"]>();
  const old = Object.fromEntries(Object.entries(state).filter(([key]) => key in shape.fields));
  compareMaps("", old, inputs, found);
  return new Map(
    Array.from(found, ([path, kind]) => [path, { kind, replace: shape.fields[path]?.replace === true }]),
  );
}

function compareMaps(
  prefix: string,
  old: WireMap,
  next: WireMap,
  found: Map<string, PropertyChange["kind"]>,
): void {
  for (const key of new Set([...Object.keys(old), ...Object.keys(next)])) {
    compare(appendKey(prefix, key), old[key] ?? null, next[key] ?? null, found);
  }
}

function compare(
  path: string,
  old: WireValue,
  next: WireValue,
  found: Map<string, PropertyChange["kind"]>,
): void {
  if (equals(old, next)) {
    return;
  }
  if (old === null || next === null) {
    found.set(path, old === null ? "add" : "delete");
    return;
  }
  if (Array.isArray(old) && Array.isArray(next)) {
    for (let index = 0; index < Math.max(old.length, next.length); index++) {
      const element = `${path}[${String(index)}]`;
      if (index >= old.length || index >= next.length) {
        found.set(element, index >= old.length ? "add" : "delete");
      } else {
        compare(element, old[index] ?? null, next[index] ?? null, found);
      }
    }
    return;
  }
  if (isPlainMap(old) && isPlainMap(next)) {
    compareMaps(path, old, next, found);
    return;
  }
  found.set(path, "update");
}

/** Appends a key in the notation of Pulumi's property paths. */
function appendKey(prefix: string, key: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
    return `${prefix}["${key.replaceAll('"', '\\"')}"]`;
  }
  return prefix === "" ? key : `${prefix}.${key}`;
}

/**
 * Whether a preview of an update must report the outputs as unknown.
 *
 * go-provider looks at the inputs that the old state had. If one is unknown or its value differs, every
 * output is unknown. A new input (`stdin` where there was none) has no such effect: the preview still
 * shows the old stdout.
 */
export function outputsBecomeUnknown(shape: Shape, state: WireMap, inputs: WireMap): boolean {
  return Object.keys(shape.fields).some(
    (key) => unwrap(inputs[key]).unknown || (state[key] !== undefined && !equals(inputs[key], state[key])),
  );
}
