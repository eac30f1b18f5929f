/** What is said of one object; the same words of several objects make one finding. */
import type { Finding } from "./plan.ts";

export type Note = Omit<Finding, "subjects">;

export interface NotedSubject {
  readonly subject: string;
  readonly note: Note;
}

export function becomes(what: string, why: string, remedy?: string): Note {
  return { outcome: "becomes", isBlocking: false, what, why, remedy };
}

export function cannot(what: string, why: string, remedy?: string): Note {
  return { outcome: "cannot", isBlocking: false, what, why, remedy };
}

/** What has to be remedied before the migration. */
export function blocks(what: string, why: string, remedy: string): Note {
  return { outcome: "cannot", isBlocking: true, what, why, remedy };
}

/** @returns a finding for each note, with all its subjects; in the order in which the notes first came */
export function findingsOf(noted: readonly NotedSubject[]): Finding[] {
  const found = new Map<string, { readonly note: Note; readonly subjects: string[] }>();
  for (const { subject, note } of noted) {
    const key = JSON.stringify([note.outcome, note.isBlocking, note.what, note.why, note.remedy]);
    const known = found.get(key);
    if (known === undefined) found.set(key, { note, subjects: [subject] });
    else known.subjects.push(subject);
  }
  return [...found.values()].map(({ note, subjects }) => ({ ...note, subjects }));
}
