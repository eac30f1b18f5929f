/** Asks a stack's brokers for their definitions: one after another, until one answers whole. */
import { setTimeout as pause } from "node:timers/promises";
import type { Definitions } from "../../definitions/exported-definitions.ts";
import { reasonOf } from "../../verify/cause.ts";
import type { Login } from "../../verify/outputs.ts";
import { askDefinitions } from "./broker.ts";

export interface Answer {
  readonly definitions: Definitions;
  /** JSON, as it goes into a file. */
  readonly text: string;
}

/** No broker has answered whole; the message has a line for each. */
export class NoAnswerError extends Error {}

/** After how long the next broker is asked as well. */
const patienceMs = 10_000;

export interface AskOptions<Found = Answer> {
  readonly ask: (login: Login, signal: AbortSignal) => Promise<Found>;
  readonly patience?: number;
  /** Ends the wait for all of them. */
  readonly signal?: AbortSignal | undefined;
}

/** @returns the first whole answer with the definitions, and whose it is @throws NoAnswerError */
export async function askAnyBroker(
  logins: readonly Login[],
  options: Partial<AskOptions> = {},
): Promise<Answer & { readonly broker: string }> {
  return askAny(logins, { ask: askDefinitions, ...options });
}

/** @returns the first whole answer to any question, and whose it is @throws NoAnswerError */
export async function askAny<Found extends object>(
  logins: readonly Login[],
  { ask, patience = patienceMs, signal }: AskOptions<Found>,
): Promise<Found & { readonly broker: string }> {
  const over = new AbortController();
  const isOver = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  const failures: string[] = [];
  const pending: Promise<Found & { broker: string }>[] = [];
  try {
    for (const login of logins) {
      if (isOver.aborted) break;
      const answer = ask(login, isOver).then((found) => ({ ...found, broker: login.name }));
      const failed = new Promise<undefined>((resolve) => {
        answer.catch((error: unknown) => {
          failures.push(`  ${login.name}: ${reasonOf(error)}`);
          resolve(undefined);
        });
      });
      pending.push(answer);
      const first = Promise.any(pending).catch(() => undefined);
      const enough = await Promise.race([first, failed, pause(patience, undefined, { ref: false })]);
      if (enough !== undefined) return enough;
    }
    return await Promise.any(pending).catch(() => {
      throw new NoAnswerError(failures.join("\n"));
    });
  } finally {
    over.abort();
  }
}
