/** Configurations for tests: the smallest complete one, changed at some paths. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { parseConfig, type Origin } from "../../../config/config.ts";

/** New values by path, such as `brokers.0.name`; undefined removes the value. */
export type Changes = Readonly<Record<string, unknown>>;

type Block = Record<string, unknown>;

/** @returns a configuration as the engine passes it: only the keys that every stack must set, with these changes */
export function draft(changes: Changes = {}): Record<string, string> {
  const host = (number: number): Block => ({
    name: `cent${String(number)}`,
    address: `192.168.56.${String(number)}`,
  });
  const blocks: Block = {
    brokers: [120, 121, 122].map(host),
    balancers: [123, 124].map(host),
    virtualAddress: "192.168.56.100",
  };
  for (const [path, value] of Object.entries(changes)) set(blocks, path.split("."), value);
  return Object.fromEntries(
    Object.entries(blocks).map(([key, value]) => [`rabbitmq-ha:${key}`, text(value)]),
  );
}

function set(block: Block, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length > 0) set((block[key] ??= {}) as Block, rest, value);
  else if (value !== undefined) block[key] = value;
  else if (Array.isArray(block)) block.splice(Number(key), 1);
  else Reflect.deleteProperty(block, key);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @returns the message that refuses a configuration; fails on any other error, and if there is none */
export function refusal(raw: Readonly<Record<string, string>>, origin?: Origin): string {
  try {
    parseConfig(raw, origin);
  } catch (error) {
    if (pulumi.RunError.isInstance(error)) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

/** @returns the faults of a refused configuration, one line each, without the namespace */
export function faults(raw: Readonly<Record<string, string>>, origin?: Origin): string[] {
  const [, , ...lines] = refusal(raw, origin).trimEnd().split("\n");
  return lines.map((line) => line.replace(/^ {2}rabbitmq-ha:/, ""));
}

/** Asserts that a draft with these changes is refused with exactly these faults. */
export function refuses(changes: Changes, lines: readonly string[]): void {
  assert.deepEqual(faults(draft(changes)), lines);
}
