/** Reads what brokers answer in a migration. An answer that lacks something is none. */
import { z } from "zod";
import { shortHostName } from "../hosts/node-name.ts";
import type { Fenced, Note } from "./move.ts";
import { queueKey } from "./plan.ts";
import type { Counted, Held, QueueCount } from "./queue-counts.ts";
import type { Agreements, StreamTail } from "./streams.ts";

const queue = z.object({
  vhost: z.string(),
  name: z.string(),
  messages: z.number().nullable(),
  consumers: z.number().nullable(),
});
const stream = z.object({
  vhost: z.string(),
  name: z.string(),
  id: z.string(),
  leader: z.string().nullable(),
  last: z.number().nullable(),
  origin: z.number().nullable(),
  searched: z.number(),
  batch: z.boolean(),
});
const tails = z.object({ streams: z.array(stream) });
const held = tails.extend({ queues: z.array(queue) });
const counted = held.extend({ away: z.array(z.string()) });
const fenced = held.extend({ connections: z.number(), users: z.array(z.string()) });
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

const place = z.object({ id: z.string(), last: z.number() });
const kept = z.object({ agreements: z.string().nullable() });
const agreements = z.record(z.string(), z.object({ old: place, new: place }));

const trouble = z.object({ vhost: z.string(), name: z.string(), reason: z.string() });
const troubles = z.object({ troubles: z.array(trouble) });

/** A note, and between which stacks. */
export type StackNote = Note & { readonly from: string; readonly to: string };

export function readHeld(answer: unknown): Held {
  return heldOf(held.parse(answer));
}

export function readCounted(answer: unknown): Counted {
  const { away, ...rest } = counted.parse(answer);
  return { ...heldOf(rest), away: away.map(shortHostName) };
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
  const { connections, users, ...rest } = fenced.parse(answer);
  return { connections, users, ...heldOf(rest) };
}

export function readShovels(answer: unknown): ReadonlySet<string> {
  return new Set(shovels.parse(answer).shovels.map(({ vhost, name }) => JSON.stringify([vhost, name])));
}

/** @throws if there is a note that cannot be read */
export function readStackNote(answer: unknown): StackNote | undefined {
  const text = noted.parse(answer).note;
  return text === null ? undefined : note.parse(JSON.parse(text));
}

/** @throws if something is kept that cannot be read */
export function readAgreements(answer: unknown): Agreements {
  const text = kept.parse(answer).agreements;
  return text === null ? {} : agreements.parse(JSON.parse(text));
}

export function readTails(answer: unknown): StreamTail[] {
  return tails.parse(answer).streams.map(tailOf);
}

function heldOf({ queues, streams }: z.infer<typeof held>): Held {
  return { queues: queues.map(countOf), streams: streams.map(tailOf) };
}

function tailOf({ leader, last, origin, batch, ...rest }: z.infer<typeof stream>): StreamTail {
  return {
    ...rest,
    key: queueKey(rest),
    leader: leader === null ? undefined : shortHostName(leader),
    last: last ?? undefined,
    origin: origin ?? undefined,
    hasBatch: batch,
  };
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

/** @returns the shovels that do not run */
export function readTroubles(answer: unknown): z.infer<typeof trouble>[] {
  return troubles.parse(answer).troubles;
}
