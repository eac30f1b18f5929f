/** What both clusters keep of a migration: how far it is, and up to where their streams hold the same. */
import { readAgreements, readStackNote, type StackNote } from "../../migration/broker-answers.ts";
import { noteOrder } from "../../migration/broker-orders.ts";
import { agreementsQuestion, noteQuestion } from "../../migration/broker-questions.ts";
import type { Carried } from "../../migration/erlang.ts";
import type { Note } from "../../migration/move.ts";
import { UserError } from "../../user-error.ts";
import type { Agreements } from "../../migration/streams.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterPair } from "./cluster-pair.ts";

export class StackNotes {
  readonly #pair: ClusterPair;

  constructor(pair: ClusterPair) {
    this.#pair = pair;
  }

  async read(): Promise<StackNote | undefined> {
    const { old, fresh } = this.#pair;
    const note = await this.#readOf(fresh);
    // The old cluster's brokers may be stopped by then.
    if (note?.phase === "stopping") return note;
    const other = await this.#readOf(old);
    // A run that was killed may have written the first note to the old cluster alone, or left the last one there.
    return note ?? other;
  }

  /** @throws UserError if it is another migration's */
  async #readOf(cluster: Cluster): Promise<StackNote | undefined> {
    const { old, fresh } = this.#pair;
    const found = await cluster.ask(noteQuestion, readStackNote);
    if (found !== undefined && (found.from !== old.stack || found.to !== fresh.stack))
      throw new UserError(
        `a migration from ${found.from} to ${found.to} is under way; end it first: npm run migrate -- --from ${found.from} --to ${found.to} --finish (or --back)`,
      );
    return found;
  }

  async write(note: Note, carried?: Carried): Promise<void> {
    const { old, fresh } = this.#pair;
    const text = this.textOf(note);
    // The new cluster's counts; the old one's keeps other migrations away.
    await Promise.all([
      old.ask(noteOrder(text), () => undefined),
      fresh.ask(noteOrder(text, carried), () => undefined),
    ]);
  }

  async writeToNew(note: Note): Promise<void> {
    await this.#pair.fresh.ask(noteOrder(this.textOf(note)), () => undefined);
  }

  async removeFrom(cluster: Cluster): Promise<void> {
    await cluster.ask(noteOrder(undefined), () => undefined);
  }

  async readAgreements(): Promise<Agreements> {
    return this.#pair.fresh.ask(agreementsQuestion, readAgreements);
  }

  textOf({ direction, phase }: Note): string {
    const { old, fresh } = this.#pair;
    return JSON.stringify({ direction, phase, from: old.stack, to: fresh.stack });
  }
}
