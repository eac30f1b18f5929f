import type { Shape } from "./resource-types.ts";
import { fold, isPlainMap, equals, type Wire, type WireMap } from "./wire.ts";

/** `replace` is set where the provider itself asks for a replacement. */
export interface PropertyChange {
  readonly kind: "add" | "delete" | "update";
  readonly replace: boolean;
}

/**
 * What differs between the inputs kept in `state` and the new `inputs`, by property path.
 *
 * As in go-provider's default diff: any changed input is a change; only the exact key of an input
 * that replaces (`triggers` as a whole appearing, going, or changing its type) replaces here. A
 * change within it has a longer path, `triggers[0]`, and is turned into a replacement by the engine,
 * because the SDK registers `replaceOnChanges: ["triggers[*]"]`. A secret value is compared as one:
 * the change of a secret connection's host is a change of `connection`.
 */
export function differences(shape: Shape, state: WireMap, inputs: WireMap): Map<string, PropertyChange> {
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
    compare(joined(prefix, key), old[key] ?? null, next[key] ?? null, found);
  }
}

function compare(path: string, old: Wire, next: Wire, found: Map<string, PropertyChange["kind"]>): void {
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

/** Appends a key as Pulumi's property paths write it. */
function joined(prefix: string, key: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
    return `${prefix}["${key.replaceAll('"', '\\"')}"]`;
  }
  return prefix === "" ? key : `${prefix}.${key}`;
}

/**
 * Whether a preview of an update must say that the outputs are not known yet.
 *
 * go-provider looks at the inputs that the old state had: an unknown one, or one whose value differs,
 * makes every output unknown. An input that is new (`stdin` where there was none) does not: the
 * preview goes on showing the old stdout.
 */
export function outputsBecomeUnknown(shape: Shape, state: WireMap, inputs: WireMap): boolean {
  return Object.keys(shape.fields).some(
    (key) => fold(inputs[key]).unknown || (state[key] !== undefined && !equals(inputs[key], state[key])),
  );
}
