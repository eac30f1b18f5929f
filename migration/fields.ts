/** Reads objects of definitions, whichever form a series of RabbitMQ gives them. */
import type { DefinitionObject } from "../definitions/exported-definitions.ts";
import { isMapping } from "../hosts/definition-objects.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** @returns the mapping; RabbitMQ 3.x writes some as a list of pairs, and an empty one as an empty list */
export function fieldsOf(value: unknown): Fields {
  if (isMapping(value)) return value;
  if (!Array.isArray(value)) return {};
  const pairs = value.filter(
    (each): each is [string, unknown] =>
      Array.isArray(each) && each.length === 2 && typeof each[0] === "string",
  );
  return Object.fromEntries(pairs);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** @returns the mapping without some keys */
export function without(fields: Fields, keys: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));
}

export function isAt(vhost: string): (object: DefinitionObject) => boolean {
  return (object) => object["vhost"] === vhost;
}
