/** What a release has left in the states and on the hosts of its users and the next release must not change. */
import { withoutEnd } from "./command-texts.ts";
import { unwrapSecrets, type ProgramRun } from "./program.ts";

export interface RecordedResource {
  readonly name: string;
  readonly type: string;
  readonly parent: string;
  /** Values whose change replaces the resource. */
  readonly triggers?: unknown;
  /** The text of a file whose change restarts a service. */
  readonly text?: string;
}

export interface Release {
  readonly version: string;
  /** The released commit. */
  readonly commit: string;
  readonly stacks: Readonly<Record<string, readonly RecordedResource[]>>;
}

/** The files that a broker, HAProxy or Keepalived reads only when it starts. */
const restarting = [/^cent12[0-2]-(config|tick-time|limits)$/, /^(haproxy|virtual-address)-\w+-unit$/];

/** @returns the resources of a stack; without the `cluster_formation` lines, which only a broker's first start reads */
export function recordResources({ graph }: ProgramRun): RecordedResource[] {
  return graph.nodes.map(({ name, type, parent, inputs }) => ({
    name,
    type,
    parent,
    ...(inputs["triggers"] === undefined ? {} : { triggers: unwrapSecrets(inputs["triggers"]) }),
    ...(restarting.some((pattern) => pattern.test(name))
      ? { text: withoutEnd(String(unwrapSecrets(inputs["stdin"]))).replaceAll(/^cluster_formation.*$/gm, "") }
      : {}),
  }));
}
