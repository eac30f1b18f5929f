/** `--replace NAME` of `up` and `preview`: replaces a host's machine; the host keeps its name. */
import { UserError } from "../user-error.ts";
import type { PulumiCli } from "./run-pulumi.ts";
import { resourceNameOf, type StateResource } from "./repair-plan.ts";
import { readResources } from "./stack.ts";
import { machineName } from "../hosts/resource-names.ts";

const machineSuffix = machineName("");

/** @returns the values of `--replace` that are a host's name and not a URN, by their index among the flags */
export function hostNames(flags: readonly string[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  flags.forEach((flag, index) => {
    const inline = flag.startsWith("--replace=") ? flag.slice("--replace=".length) : undefined;
    const value = inline ?? (flags[index - 1] === "--replace" ? flag : undefined);
    if (value !== undefined && !value.startsWith("urn:")) found.set(index, value);
  });
  return found;
}

/**
 * @param resources the stack's
 * @returns the flags, with each host's name replaced by the URN of its machine
 * @throws UserError if there is no such host, or more than one is to be replaced
 */
export function resolveReplaceFlags(flags: readonly string[], resources: readonly StateResource[]): string[] {
  const wanted = hostNames(flags);
  const machines = new Map(
    resources
      .filter((resource) => resource.delete !== true && resourceNameOf(resource.urn).endsWith(machineSuffix))
      .map(({ urn }) => [resourceNameOf(urn).slice(0, -machineSuffix.length), urn]),
  );
  for (const name of wanted.values()) {
    if (machines.has(name)) continue;
    const hosts =
      machines.size === 0 ? "it has no machines" : `use one of ${[...machines.keys()].join(", ")}`;
    throw new UserError(`--replace ${name}: the stack has no such host; ${hosts}`);
  }
  const all = new Set([
    ...wanted.values(),
    ...flags.filter((flag) => /^(--replace=)?urn:.*-machine$/.test(flag)).map((urn) => resourceNameOf(urn)),
  ]);
  if (all.size > 1) {
    throw new UserError(
      `--replace ${[...wanted.values()].join(" and ")}: one machine at a time; replace the next one when the stack is healthy again`,
    );
  }
  return flags.map((flag, index) => {
    const name = wanted.get(index);
    if (name === undefined) return flag;
    const urn = machines.get(name) ?? name;
    return flag.startsWith("--replace=") ? `--replace=${urn}` : urn;
  });
}

/** As `resolveReplaceFlags`, with the resources of the stack's state, which is read only if the flags name a host. */
export async function resolveReplaceFlagsOfStack(
  pulumi: PulumiCli,
  stack: string,
  flags: readonly string[],
): Promise<string[]> {
  return hostNames(flags).size === 0
    ? [...flags]
    : resolveReplaceFlags(flags, await readResources(pulumi, stack));
}
