/** Reads what brokers answer in a migration. An answer that lacks something is none. */
import { z } from "zod";
import { shortHostName } from "../hosts/node-name.ts";
import type { Fenced, Note } from "./move.ts";
import { queueKey } from "./plan.ts";
import type { QueueCount } from "./queue-counts.ts";

const queue = z.object({
  vhost: z.string(),
  name: z.string(),
  messages: z.number().nullable(),
  consumers: z.number().nullable(),
});
const counted = z.object({ queues: z.array(queue) });
const fenced = z.object({ connections: z.number(), users: z.array(z.string()), queues: z.array(queue) });
/** The member that does not answer, or whose clients may still log in. */
const unfenced = z.union([z.object({ silent: z.string() }), z.object({ open: z.string() })]);
const noted = z.object({ note: z.string().nullable() });
const note = z.object({
  direction: z.enum(["forth", "back"]),
  phase: z.enum(["carrying", "closing", "opening", "moved", "stopping"]),
  /** The stacks, so that another migration is refused. */
  from: z.string(),
  to: z.string(),
});
const shovels = z.object({ shovels: z.array(z.object({ vhost: z.string(), name: z.string() })) });

const troubles = z.object({ troubles: z.array(z.object({ name: z.string(), reason: z.string() })) });

/** A note, and between which stacks. */
export type StackNote = Note & { readonly from: string; readonly to: string };

export function readCounts(answer: unknown): QueueCount[] {
  return counted.parse(answer).queues.map(countOf);
}

/** @throws unless each member has said who is connected to it, and that it lets nobody in */
export function readFenced(answer: unknown): Fenced {
  const refusal = unfenced.safeParse(answer).data;
  if (refusal !== undefined)
    throw new Error(
      "silent" in refusal
        ? `${shortHostName(refusal.silent)} does not say who is connected to it: start its broker`
        : `${shortHostName(refusal.open)} still lets clients in`,
    );
  const { connections, users, queues } = fenced.parse(answer);
  return { connections, users, queues: queues.map(countOf) };
}

export function readShovels(answer: unknown): ReadonlySet<string> {
  return new Set(shovels.parse(answer).shovels.map(({ vhost, name }) => JSON.stringify([vhost, name])));
}

/** @throws if there is a note that cannot be read */
export function readStackNote(answer: unknown): StackNote | undefined {
  const text = noted.parse(answer).note;
  return text === null ? undefined : note.parse(JSON.parse(text));
}

function countOf({ vhost, name, messages, consumers }: z.infer<typeof queue>): QueueCount {
  return {
    key: queueKey({ vhost, name }),
    vhost,
    name,
    messages: messages ?? undefined,
    consumers: consumers ?? undefined,
  };
}

/** @returns a line for each shovel that does not run */
export function readTroubles(answer: unknown): string[] {
  return troubles.parse(answer).troubles.map(({ name, reason }) => `shovel ${name} does not run: ${reason}`);
}
