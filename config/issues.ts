/** Says in words what zod found. None of zod's own sentences reaches a user. */
import { z } from "zod";
import { listed, namespace, unknownKey, type Fault, type Path } from "./faults.ts";

/** @returns one fault for each wrong value, and for each unknown key */
export function faultsOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType, input: unknown): Fault[] {
  const faults = issues.flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      const words = (key: string): string => unknownWords(key, issue.path, schema);
      return issue.keys.map((key) => fault(input, [...issue.path, key], words(key)));
    }
    return [fault(input, issue.path, shapeWords(issue, schema, input))];
  });
  const first = new Map(faults.map((found) => [JSON.stringify(found.path), found] as const).reverse());
  return faults.filter((found) => first.get(JSON.stringify(found.path)) === found);
}

function fault(input: unknown, path: Path, words: string): Fault {
  return { path, value: valueAt(input, path), words };
}

function unknownWords(key: string, path: Path, schema: z.ZodType): string {
  const misplaced = path.length > 0 && keysAt(schema, []).includes(key);
  if (misplaced) return `a key of its own, not one of this block; write it as ${namespace}:${key}`;
  return unknownKey(key, keysAt(schema, path));
}

/** Mappings are alike everywhere; all else brings words of its own. */
function shapeWords(issue: z.core.$ZodIssue, schema: z.ZodType, input: unknown): string {
  if (issue.code !== "invalid_type") return issue.message;
  if (issue.expected === "record") return "not a mapping; write key: value pairs under it";
  if (issue.expected !== "object") return issue.message;
  const missing = valueAt(input, issue.path) === undefined;
  return `${missing ? "missing" : "not a mapping"}; write it with the keys ${listed(keysAt(schema, issue.path))}`;
}

/** @returns the value at a path, undefined where the path leads nowhere */
export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    return (value as Record<PropertyKey, unknown>)[part];
  }, input);
}

/** @returns the keys that can be written at a path; none where it is no mapping of fixed keys */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  const here = unwrapped(schema);
  const [part, ...rest] = path;
  if (here instanceof z.ZodArray) return part === undefined ? [] : keysAt(here.element, rest);
  if (!(here instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<string, z.core.$ZodType>> = here.shape;
  if (part === undefined) return Object.keys(shape);
  const next = shape[String(part)];
  return next === undefined ? [] : keysAt(next, rest);
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const wrapper =
    schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodExactOptional;
  return wrapper ? unwrapped(schema.unwrap()) : schema;
}
