/** `--replace NAME` of `up` and `preview`: another machine under the same name. */
import { UserError } from "../user-error.ts";
import type { Pulumi } from "./pulumi.ts";
import { nameOf, type StateResource } from "./repair-plan.ts";
import { resourcesOf } from "./stack.ts";
import { machineName } from "../hosts/resource-names.ts";

const suffix = machineName("");

/** The values of `--replace` among a command's flags, with the places of those that name a host and no URN. */
function named(flags: readonly string[]): ReadonlyMap<number, string> {
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
 * @returns the flags, with the URN of its machine in place of each host's name
 * @throws UserError when there is no such host, or more than one is to be replaced
 */
export function machineFlags(flags: readonly string[], resources: readonly StateResource[]): string[] {
  const wanted = named(flags);
  const machines = new Map(
    resources
      .filter((resource) => resource.delete !== true && nameOf(resource.urn).endsWith(suffix))
      .map(({ urn }) => [nameOf(urn).slice(0, -suffix.length), urn]),
  );
  for (const name of wanted.values()) {
    if (machines.has(name)) continue;
    const hosts = machines.size === 0 ? "and it has none" : `which are ${[...machines.keys()].join(", ")}`;
    throw new UserError(`--replace ${name}: that is none of the stack's machines, ${hosts}`);
  }
  const all = new Set([
    ...wanted.values(),
    ...flags.filter((flag) => /^(--replace=)?urn:.*-machine$/.test(flag)).map((urn) => nameOf(urn)),
  ]);
  if (all.size > 1) {
    throw new UserError(
      `--replace ${[...wanted.values()].join(" and ")}: one machine at a time; replace the next one once the first is whole again`,
    );
  }
  return flags.map((flag, index) => {
    const name = wanted.get(index);
    if (name === undefined) return flag;
    const urn = machines.get(name) ?? name;
    return flag.startsWith("--replace=") ? `--replace=${urn}` : urn;
  });
}

/** As `machineFlags`, of a stack as it is; it is not asked for where no host is named. */
export async function withMachines(
  pulumi: Pulumi,
  stack: string,
  flags: readonly string[],
): Promise<string[]> {
  return named(flags).size === 0 ? [...flags] : machineFlags(flags, await resourcesOf(pulumi, stack));
}
