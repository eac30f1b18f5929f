/** What a release has left in the states and on the hosts of its users, as far as the next one may not touch it. */
import { plain, type Run } from "./program.ts";

export interface Remains {
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
  /** The commit that was released. */
  readonly commit: string;
  readonly stacks: Readonly<Record<string, readonly Remains[]>>;
}

/** The files that a broker, HAProxy or Keepalived reads only at its start. */
const restarting = [/^cent12[0-2]-(config|tick-time|limits)$/, /^(haproxy|virtual-address)-\w+-unit$/];

/** @returns what there is of a stack; peers of the cluster's formation are read at a broker's first start only */
export function remains({ graph }: Run): Remains[] {
  return graph.nodes.map(({ name, type, parent, inputs }) => ({
    name,
    type,
    parent,
    ...(inputs["triggers"] === undefined ? {} : { triggers: plain(inputs["triggers"]) }),
    ...(restarting.some((pattern) => pattern.test(name))
      ? { text: String(plain(inputs["stdin"])).replaceAll(/^cluster_formation.*$/gm, "") }
      : {}),
  }));
}
