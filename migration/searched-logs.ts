/** Where the search for batches of the stream protocol goes on in each log of a source. */
import type { Searched } from "./stream-tails.ts";
import type { Place, StreamTail } from "./streams.ts";

export class SearchedLogs {
  readonly #byKey = new Map<string, Searched>();

  /** For the next question. */
  get all(): readonly Searched[] {
    return [...this.#byKey.values()];
  }

  /** Takes an answer down. Where a batch was found, it is found again. */
  keep(streams: readonly StreamTail[]): void {
    for (const { key, vhost, name, id, searched, hasBatch } of streams)
      if (!hasBatch) this.#byKey.set(key, { vhost, name, id, searched });
  }

  /** Leaves out what was carried, or left for good, by an earlier move. */
  skip({ key, vhost, name }: Pick<StreamTail, "key" | "vhost" | "name">, { id, last }: Place): void {
    const known = this.#byKey.get(key);
    const isBehind = known === undefined || (known.id === id && known.searched <= last);
    if (isBehind) this.#byKey.set(key, { vhost, name, id, searched: last + 1 });
  }
}
