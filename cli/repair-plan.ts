/** From findings to the resources that are run again for them, and to what is left to a person. */
import type { Finding } from "../verify/finding.ts";
import { brokerServiceName, readyName } from "../hosts/resource-names.ts";

/** A resource as `pulumi stack export` has it, as far as it matters here. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly dependencies?: readonly string[] | null;
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** That it only waits for its deletion. */
  readonly delete?: boolean;
}

/** A resource that is run again. */
export interface Rerun {
  readonly name: string;
  readonly reasons: readonly Finding[];
  /** The names of what it stands on in its own component, which is run again before it. */
  readonly first: readonly string[];
}

/** Something that is not done. */
export interface Left {
  /** Whether it is a resource that is left out, a host that cannot be reached, or a finding as a whole. */
  readonly kind: "undone" | "missing" | "in vain" | "unreachable" | "unmendable";
  /** The name of the resource or of the host; the check of a finding. */
  readonly name: string;
  readonly reasons: readonly Finding[];
  /** The names of the resources that are left out because of an unreachable host. */
  readonly resources: readonly string[];
}

export interface Plan {
  readonly reruns: readonly Rerun[];
  /** Everything to replace, in the order of the state, in which what depends comes after what it depends on. */
  readonly urns: readonly string[];
  readonly left: readonly Left[];
}

export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/**
 * Whether its replacement does nothing but run its script again. One with an undo is undone before, or after: a
 * machine's replacement would be another machine, without its data.
 */
function repeatable({ type, inputs = {} }: StateResource): boolean {
  return type === "command:remote:Command" && inputs["delete"] === undefined;
}

/**
 * @param findings of which those that are not whole are looked at
 * @param resources the stack's, in the order of its state
 * @param done the URNs of what was run again already, and is not once more
 */
export function planRepair(
  findings: readonly Finding[],
  resources: readonly StateResource[],
  done: ReadonlySet<string> = new Set(),
): Plan {
  const failed = findings.filter(({ whole }) => !whole);
  const living = resources.filter((resource) => resource.delete !== true);
  const byUrn = new Map(living.map((resource) => [resource.urn, resource]));
  const hosts = [...new Set(failed.flatMap(({ unreachable = [] }) => unreachable))];
  /** The host that cannot be reached and that the resource is on: what is on a host waits for that it is ready. */
  const lost = ({ urn, dependencies }: StateResource): string | undefined =>
    hosts.find((host) => [urn, ...(dependencies ?? [])].some((each) => nameOf(each) === readyName(host)));
  /** What the resource stands on in its own component, near or far. */
  const below = ({ parent, dependencies }: StateResource, seen = new Set<string>()): ReadonlySet<string> => {
    for (const urn of dependencies ?? []) {
      const found = byUrn.get(urn);
      if (found === undefined || found.parent !== parent || !repeatable(found) || seen.has(urn)) continue;
      seen.add(urn);
      below(found, seen);
    }
    return seen;
  };

  /** Brokers that wait for others start with these; to start them again takes minutes and ends the same. */
  const waiting = failed.flatMap(({ standstill }) => standstill?.waiting ?? []);
  const vain = new Set(waiting.map(({ name }) => brokerServiceName(name)));

  const reruns: Rerun[] = [];
  const left: Left[] = [];
  const urns = new Set<string>();
  const lostResources = new Map<string, string[]>(hosts.map((host) => [host, []]));
  const named = failed.flatMap(({ rerun }) => rerun).filter((name) => !vain.has(name));
  for (const name of new Set(named)) {
    const reasons = failed.filter(({ rerun }) => rerun.includes(name));
    const bearers = living.filter(({ urn }) => nameOf(urn) === name);
    // A component may have the name of one of its resources.
    const found = bearers.find(repeatable) ?? bearers[0];
    const leave = (kind: Left["kind"]): number => left.push({ kind, name, reasons, resources: [] });
    const host = found === undefined ? undefined : lost(found);
    if (found === undefined) leave("missing");
    else if (host !== undefined) lostResources.get(host)?.push(name);
    else if (!repeatable(found)) leave("undone");
    else if (done.has(found.urn)) leave("in vain");
    else {
      const first = [...below(found)].filter((urn) => !done.has(urn));
      for (const urn of [...first, found.urn]) urns.add(urn);
      const order = living.map(({ urn }) => urn).filter((urn) => first.includes(urn));
      reruns.push({ name, reasons, first: order.map(nameOf) });
    }
  }
  for (const host of hosts) {
    const reasons = failed.filter(({ unreachable = [] }) => unreachable.includes(host));
    left.push({ kind: "unreachable", name: host, reasons, resources: lostResources.get(host) ?? [] });
  }
  for (const finding of failed) {
    const { check, rerun, advice, unreachable = [] } = finding;
    if (advice !== undefined || (rerun.length === 0 && unreachable.length === 0))
      left.push({ kind: "unmendable", name: check, reasons: [finding], resources: [] });
  }
  return { reruns, urns: living.map(({ urn }) => urn).filter((urn) => urns.has(urn)), left };
}
