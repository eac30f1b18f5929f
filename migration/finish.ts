/** The order in which a migration is ended: what is killed between two steps goes on with the next run. */
import { listNames } from "../definitions/exported-definitions.ts";
import type { Fenced, Note } from "./move.ts";
import { areEmpty, totalOf, unknownOf } from "./queue-counts.ts";

export interface FinishClusters {
  /** @returns undefined if no migration is under way @throws if the new cluster does not say it for sure */
  readNote(): Promise<Note | undefined>;
  /** @returns what is left on the old cluster @throws unless the answer is whole and its fence stands */
  awaitEmpty(): Promise<Fenced>;
  /** Removes what the migration has made on the old cluster, while its brokers run. */
  removeTracesFromOld(): Promise<void>;
  /** Notes on the new cluster that the old one's brokers are being stopped. */
  noteStopping(): Promise<void>;
  /** Stops the old brokers, which stay stopped. @returns by broker: why it could not be stopped */
  stopOld(): Promise<ReadonlyMap<string, string>>;
  /** Removes what the migration has made on the new cluster, its note last. */
  removeTracesFromNew(): Promise<void>;
}

export type FinishOutcome =
  | { readonly kind: "finished" | "nothing" | "unmoved" }
  /** The old cluster is not empty. */
  | { readonly kind: "left"; readonly rest: Fenced }
  /** By broker: why it was not stopped. */
  | { readonly kind: "running"; readonly failures: ReadonlyMap<string, string> };

/** The old cluster is asked only before its first broker is stopped; from then on the new one's note says how far it is. */
export async function finish(clusters: FinishClusters): Promise<FinishOutcome> {
  const note = await clusters.readNote();
  if (note === undefined) return { kind: "nothing" };
  if (note.direction !== "forth" || (note.phase !== "moved" && note.phase !== "stopping"))
    return { kind: "unmoved" };
  if (note.phase === "moved") {
    const rest = await clusters.awaitEmpty();
    if (!areEmpty(rest.queues) || rest.connections > 0) return { kind: "left", rest };
    await clusters.removeTracesFromOld();
    await clusters.noteStopping();
  }
  const failures = await clusters.stopOld();
  if (failures.size > 0) return { kind: "running", failures };
  await clusters.removeTracesFromNew();
  return { kind: "finished" };
}

const shownNames = 5;

/** @returns what keeps the old cluster from being stopped, and what to do; `command` without flags moves clients forth */
export function restMessage({ queues, connections, users }: Fenced, command: string): string {
  const [messages, silent] = [totalOf(queues), unknownOf(queues).map(({ name }) => name)];
  const parts: string[] = [];
  const whose = connections === 0 ? "" : ` (of ${listNames(users, shownNames)})`;
  if (messages > 0 || connections > 0)
    parts.push(
      `still has ${messages} messages and ${connections} connections${whose}; move them first: ${command} --back, and again forth`,
    );
  if (silent.length > 0)
    parts.push(
      `does not say what ${listNames(silent, shownNames)} ${silent.length === 1 ? "holds" : "hold"}; start the brokers that have their copies, and run this again`,
    );
  return parts.join("\n");
}
