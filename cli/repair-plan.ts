/** Plans a repair: which resources to re-run for which findings, and what is left to the user. */
import type { Finding } from "../verify/finding.ts";
import { brokerServiceName, readyName } from "../hosts/resource-names.ts";

/** The part of a resource in `pulumi stack export` that is read here. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly parent?: string;
  readonly dependencies?: readonly string[] | null;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  /** Whether Pulumi refuses to delete it. */
  readonly protect?: boolean;
  /** Whether it is only pending deletion. */
  readonly delete?: boolean;
}

/** A resource to re-run. */
export interface Rerun {
  readonly name: string;
  readonly findings: readonly Finding[];
  /** The names of the resources of its own component that it depends on; they are re-run before it. */
  readonly prerequisites: readonly string[];
}

/** Something that the repair leaves to the user. */
export interface SkippedItem {
  /**
   * The first three are about a resource: it has an undo, is not in the state, or was re-run and its checks still fail.
   * "unreachable" is about a host, "needs operator" about a finding.
   */
  readonly kind: "has undo" | "missing" | "still failing" | "unreachable" | "needs operator";
  /** The name of the resource, the host, or the finding's check. */
  readonly name: string;
  readonly findings: readonly Finding[];
  /** The names of the resources that are skipped because their host is unreachable. */
  readonly resources: readonly string[];
}

export interface RepairPlan {
  readonly reruns: readonly Rerun[];
  /** All resources to replace, in the order of the state: each comes after those that it depends on. */
  readonly urnsToReplace: readonly string[];
  readonly skipped: readonly SkippedItem[];
}

export function resourceNameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/**
 * Whether replacing it only re-runs its script. Replacing a resource with an undo also runs the undo: a replaced
 * machine would be another machine, without its data.
 */
function isRepeatable({ type, inputs = {} }: StateResource): boolean {
  return type === "command:remote:Command" && inputs["delete"] === undefined;
}

/**
 * @param findings of all checks; only the failed ones are used
 * @param resources the stack's, in the order of its state
 * @param done the URNs of the resources that were already re-run; none is re-run twice
 */
export function planRepair(
  findings: readonly Finding[],
  resources: readonly StateResource[],
  done: ReadonlySet<string> = new Set(),
): RepairPlan {
  const failed = findings.filter((finding) => !finding.ok);
  const living = resources.filter((resource) => resource.delete !== true);
  const byUrn = new Map(living.map((resource) => [resource.urn, resource]));
  const hosts = [...new Set(failed.flatMap(({ unreachableHosts = [] }) => unreachableHosts))];
  /** The unreachable host that the resource is on: every resource on a host depends on the host's `-ready`. */
  const unreachableHostOf = ({ urn, dependencies }: StateResource): string | undefined =>
    hosts.find((host) =>
      [urn, ...(dependencies ?? [])].some((each) => resourceNameOf(each) === readyName(host)),
    );
  /** The repeatable resources of its own component that the resource depends on, directly or not. */
  const prerequisitesOf = (
    { parent, dependencies }: StateResource,
    seen = new Set<string>(),
  ): ReadonlySet<string> => {
    for (const urn of dependencies ?? []) {
      const found = byUrn.get(urn);
      if (found === undefined || found.parent !== parent || !isRepeatable(found) || seen.has(urn)) continue;
      seen.add(urn);
      prerequisitesOf(found, seen);
    }
    return seen;
  };

  /** Brokers that wait for others start together with those; restarting them takes minutes and changes nothing. */
  const waiting = failed.flatMap((finding) => finding.startDeadlock?.waiting ?? []);
  const futile = new Set(waiting.map(({ name }) => brokerServiceName(name)));

  const reruns: Rerun[] = [];
  const left: SkippedItem[] = [];
  const urns = new Set<string>();
  const skippedByHost = new Map<string, string[]>(hosts.map((host) => [host, []]));
  const names = failed
    .flatMap(({ resourcesToRerun }) => resourcesToRerun)
    .filter((name) => !futile.has(name));
  for (const name of new Set(names)) {
    const reasons = failed.filter(({ resourcesToRerun }) => resourcesToRerun.includes(name));
    const matches = living.filter(({ urn }) => resourceNameOf(urn) === name);
    // A component may have the same name as one of its resources.
    const found = matches.find(isRepeatable) ?? matches[0];
    const skip = (kind: SkippedItem["kind"]): number =>
      left.push({ kind, name, findings: reasons, resources: [] });
    const host = found === undefined ? undefined : unreachableHostOf(found);
    if (found === undefined) skip("missing");
    else if (host !== undefined) skippedByHost.get(host)?.push(name);
    else if (!isRepeatable(found)) skip("has undo");
    else if (done.has(found.urn)) skip("still failing");
    else {
      const first = [...prerequisitesOf(found)].filter((urn) => !done.has(urn));
      for (const urn of [...first, found.urn]) urns.add(urn);
      const order = living.map(({ urn }) => urn).filter((urn) => first.includes(urn));
      reruns.push({ name, findings: reasons, prerequisites: order.map(resourceNameOf) });
    }
  }
  for (const host of hosts) {
    const reasons = failed.filter(({ unreachableHosts = [] }) => unreachableHosts.includes(host));
    left.push({
      kind: "unreachable",
      name: host,
      findings: reasons,
      resources: skippedByHost.get(host) ?? [],
    });
  }
  for (const finding of failed) {
    const { check, resourcesToRerun, advice, unreachableHosts = [] } = finding;
    if (advice !== undefined || (resourcesToRerun.length === 0 && unreachableHosts.length === 0))
      left.push({ kind: "needs operator", name: check, findings: [finding], resources: [] });
  }
  return {
    reruns,
    urnsToReplace: living.map(({ urn }) => urn).filter((urn) => urns.has(urn)),
    skipped: left,
  };
}
