/** Turns zod's issues into faults. Users never see zod's own messages. */
import { z } from "zod";
import { joinNames, namespace, unknownKeyMessage, type Fault, type Path } from "./faults.ts";

/** @returns one fault for each wrong value and for each unknown key */
export function faultsOf(issues: readonly z.core.$ZodIssue[], schema: z.ZodType, input: unknown): Fault[] {
  const faults = issues.flatMap((issue): Fault[] => {
    if (issue.code === "unrecognized_keys") {
      const message = (key: string): string => unrecognizedKeyMessage(key, issue.path, schema);
      return issue.keys.map((key) => faultAt(input, [...issue.path, key], message(key)));
    }
    return [faultAt(input, issue.path, issueMessage(issue, schema, input))];
  });
  const first = new Map(faults.map((found) => [JSON.stringify(found.path), found] as const).reverse());
  return faults.filter((found) => first.get(JSON.stringify(found.path)) === found);
}

function faultAt(input: unknown, path: Path, message: string): Fault {
  return { path, value: valueAt(input, path), message };
}

function unrecognizedKeyMessage(key: string, path: Path, schema: z.ZodType): string {
  const isTopLevelKey = path.length > 0 && keysAt(schema, []).includes(key);
  if (isTopLevelKey) return `a top-level key, not one of this block; write it as ${namespace}:${key}`;
  return unknownKeyMessage(key, keysAt(schema, path));
}

/** @returns the message for a wrong value: one for all mappings; for other values the one that config/values.ts gave */
function issueMessage(issue: z.core.$ZodIssue, schema: z.ZodType, input: unknown): string {
  if (issue.code !== "invalid_type") return issue.message;
  if (issue.expected === "record") return "not a mapping; write key: value pairs under it";
  if (issue.expected !== "object") return issue.message;
  const missing = valueAt(input, issue.path) === undefined;
  return `${missing ? "missing" : "not a mapping"}; write it with the keys ${joinNames(keysAt(schema, issue.path))}`;
}

/** @returns the value at a path, undefined if there is none */
export function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    return (value as Record<PropertyKey, unknown>)[part];
  }, input);
}

/** @returns the keys that can be written at a path; none if it is not a mapping of fixed keys */
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
