/** Checks a mirroring policy for what RabbitMQ would refuse, before anything runs. */
import type { z } from "zod";
import { joinNames } from "./faults.ts";

const mirrorModes = ["all", "exactly", "nodes"];

/** Keys that have a fixed set of values. */
const choices: Readonly<Record<string, readonly string[]>> = {
  "ha-mode": mirrorModes,
  "ha-sync-mode": ["automatic", "manual"],
  "ha-promote-on-shutdown": ["always", "when-synced"],
  "ha-promote-on-failure": ["always", "when-synced"],
};

/**
 * Checks a policy's definition as RabbitMQ 3 does on `set_policy` (rabbit_mirror_queue_misc, `validate_policy`).
 * Keys that do not concern mirroring are accepted: which of them exist depends on the plug-ins.
 */
export function checkDefinition(definition: Record<string, unknown>, context: z.RefinementCtx): void {
  const fault = (message: string, ...path: string[]): void => {
    context.addIssue({ code: "custom", path, message });
  };
  if (Object.keys(definition).length === 0) {
    fault('empty; write what the policy sets, such as {"ha-mode": "all", "ha-sync-mode": "automatic"}');
  }
  if (/\p{Cc}/u.test(textsIn(definition).join(""))) {
    fault("has line breaks or other control characters; write it without");
  }
  for (const [key, allowed] of Object.entries(choices)) {
    const value = definition[key];
    if (value === undefined || (typeof value === "string" && allowed.includes(value))) continue;
    fault(`not a value of ${key}; write ${joinNames(allowed, "or")}`, key);
  }
  const mode = definition["ha-mode"];
  const params = definition["ha-params"];
  const mirroring = Object.keys(definition).filter((key) => key.startsWith("ha-"));
  if (mode === undefined && mirroring.length > 0) {
    fault(
      `missing, but needed for ${joinNames(mirroring)}; write ${joinNames(mirrorModes, "or")}`,
      "ha-mode",
    );
  }
  const batch = definition["ha-sync-batch-size"];
  if (batch !== undefined && !isPositive(batch)) {
    fault("not a number of messages; write a whole number, 1 or more", "ha-sync-batch-size");
  }
  if (mode === "all" && params !== undefined)
    fault('ha-mode "all" takes no parameters; leave the key out', "ha-params");
  const problem = params === undefined ? "missing" : "wrong";
  if (mode === "exactly" && !isPositive(params)) {
    fault(
      `${problem}: ha-mode "exactly" needs the number of copies; write a whole number, 1 or more`,
      "ha-params",
    );
  }
  if (mode === "nodes" && !isNodeList(params)) {
    fault(
      `${problem}: ha-mode "nodes" needs a list of nodes; write one such as ["rabbit@cent120"]`,
      "ha-params",
    );
  }
}

/** @returns every key and every text in a value, at any depth */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...textsIn(inner)]);
}

function isPositive(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function isNodeList(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((node) => typeof node === "string" && node !== "")
  );
}

/**
 * RabbitMQ's patterns are PCRE. JavaScript accepts the common ones except for a few forms, which are translated first:
 * inline flags, atomic groups, possessive quantifiers, named groups with a P.
 *
 * @returns what is wrong with the pattern; undefined if it is valid
 */
export function patternFault(pattern: string): string | undefined {
  if (pattern === "") return "empty; write a regular expression on queue names, such as ^ for all of them";
  const translated = pattern
    .replace(/\(\?[imsxU-]+\)/g, "")
    .replace(/\(\?[imsxU-]+:/g, "(?:")
    .replaceAll("(?>", "(?:")
    .replaceAll("(?P<", "(?<")
    .replace(/(?<!\\)([+*?}])\+/g, "$1");
  try {
    new RegExp(translated);
    return undefined;
  } catch {
    return "not a regular expression; write one on queue names, such as ^ for all of them";
  }
}
